"""Where the time comes from, so that tests can stop it."""

import time
from typing import Protocol


class Clock(Protocol):
    """Wall-clock and monotonic time in seconds."""

    def now_s(self) -> float:
        """Return seconds since the Unix epoch."""
        ...

    def monotonic_s(self) -> float:
        """Return seconds from an arbitrary start that never goes backwards."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now_s(self) -> float:
        """Return seconds since the Unix epoch."""
        return time.time()

    def monotonic_s(self) -> float:
        """Return seconds from an arbitrary start that never goes backwards."""
        return time.monotonic()
