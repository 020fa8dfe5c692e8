"""Draws a pull's progress: bars on a terminal, one line per event elsewhere."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)


class PullBars:
    """A PullProgress for people, as a context manager; it writes to the given console (standard error by default)."""

    def __init__(self, console: Console | None = None) -> None:
        """Draw on `console`."""
        self._console = console or Console(stderr=True)
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        """Start drawing."""
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop drawing; the last state stays on the screen."""
        self._bars.stop()

    def begin(self, model_id: str, source: str, total_bytes: int | None) -> None:
        """Show a bar for the model, started anew for every source."""
        if not self._console.is_terminal:
            size = "" if total_bytes is None else f", {total_bytes / 1e6:.1f} MB"
            self._console.print(f"{model_id}: from {source}{size}", highlight=False, soft_wrap=True)
        if model_id not in self._tasks:
            self._tasks[model_id] = self._bars.add_task(model_id)
        self._bars.update(self._tasks[model_id], description=f"{model_id} ({source})", total=total_bytes, completed=0)

    def advance(self, model_id: str, done_bytes: int) -> None:
        """Move the model's bar."""
        self._bars.update(self._tasks[model_id], completed=done_bytes)

    def failed(self, model_id: str, source: str, reason: str) -> None:
        """Say why a source was given up."""
        self._console.print(
            f"{model_id}: {source} did not work: {reason}", highlight=False, soft_wrap=True, markup=False
        )

    def end(self, model_id: str) -> None:
        """Say that the model is installed."""
        if not self._console.is_terminal:
            self._console.print(f"{model_id}: installed", highlight=False, soft_wrap=True)
