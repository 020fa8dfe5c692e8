"""A clock that stands still until it is told to move."""


class FrozenClock:
    """Implements Clock; wall and monotonic time move together."""

    def __init__(self, now_s: float = 1_800_000_000.0) -> None:
        """Start at this time."""
        self._now_s = now_s

    def now_s(self) -> float:
        """Return the time it stands at."""
        return self._now_s

    def monotonic_s(self) -> float:
        """Return the time it stands at."""
        return self._now_s

    def advance(self, seconds: float) -> None:
        """Move forward."""
        self._now_s += seconds
