"""Time and waiting, so that tests can stop both."""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Wall-clock time, a time that never goes backwards, and waiting; all in seconds."""

    def now_s(self) -> float:
        """Return seconds since the Unix epoch."""
        ...

    def monotonic_s(self) -> float:
        """Return seconds from an arbitrary start that never goes backwards."""
        ...

    async def sleep_s(self, seconds: float) -> None:
        """Return after this time."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now_s(self) -> float:
        """Return seconds since the Unix epoch."""
        return time.time()

    def monotonic_s(self) -> float:
        """Return seconds from an arbitrary start that never goes backwards."""
        return time.monotonic()

    async def sleep_s(self, seconds: float) -> None:
        """Return after this time."""
        await asyncio.sleep(seconds)
