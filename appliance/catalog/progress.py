"""What a pull tells while it works."""

from typing import Protocol


class PullProgress(Protocol):
    """Receives a pull's progress; called from the pulling thread, about five times a second."""

    def begin(self, model_id: str, source: str, total_bytes: int | None) -> None:
        """Take note that a model now comes from a kind of source; None: nobody knows how much."""
        ...

    def advance(self, model_id: str, done_bytes: int) -> None:
        """Take note of how many bytes of the total are here; it may fall when a download starts again."""
        ...

    def failed(self, model_id: str, source: str, reason: str) -> None:
        """Take note that a source did not give the model; the next one is tried."""
        ...

    def end(self, model_id: str) -> None:
        """Take note that the model is installed."""
        ...


class Silence:
    """Tells nobody."""

    def begin(self, model_id: str, source: str, total_bytes: int | None) -> None:
        """Do nothing."""

    def advance(self, model_id: str, done_bytes: int) -> None:
        """Do nothing."""

    def failed(self, model_id: str, source: str, reason: str) -> None:
        """Do nothing."""

    def end(self, model_id: str) -> None:
        """Do nothing."""
