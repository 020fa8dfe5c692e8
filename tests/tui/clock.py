"""A clock that stands still until a sleeper or a test moves it."""

import asyncio


class StoppedClock:
    """Implements tui.clock.Clock; sleeping moves it and takes no time."""

    def __init__(self, now_s: float = 1_800_000_000.0) -> None:
        self._now_s = now_s
        self.slept_s: list[float] = []

    def now_s(self) -> float:
        return self._now_s

    def monotonic_s(self) -> float:
        return self._now_s

    def advance(self, seconds: float) -> None:
        self._now_s += seconds

    async def sleep_s(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self._now_s += seconds
        await asyncio.sleep(0)
