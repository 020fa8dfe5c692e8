"""The latest snapshot, made once per interval for everybody who asks this process."""

import anyio

from appliance.admin.live_types import INTERVAL_S
from appliance.admin.snapshot import Snapshots
from appliance.api.threads import Threads
from appliance.clock import Clock
from appliance.errors import StorageUnavailable


class Latest:
    """Used from the event loop; ten consoles cost what one does."""

    def __init__(self, snapshots: Snapshots, threads: Threads, clock: Clock) -> None:
        """Nothing is made before somebody asks."""
        self._snapshots, self._threads, self._clock = snapshots, threads, clock
        self._lock = anyio.Lock()
        self._made: tuple[float, int, bytes] | None = None
        self._away: tuple[float, StorageUnavailable] | None = None

    async def snapshot(self) -> tuple[int, bytes]:
        """Return the sequence and the JSON of a snapshot that is at most an interval old; StorageUnavailable."""
        if (fresh := self._fresh()) is not None:
            return fresh
        async with self._lock:
            if (fresh := self._fresh()) is not None:
                return fresh
            if self._away is not None and self._is_of_now(self._away[0]):
                # To find a database away may take seconds: who waited for that shall not begin it anew.
                raise StorageUnavailable(self._away[1].detail)
            try:
                sequence, encoded = await self._threads.watch(self._snapshots.make_encoded)
            except StorageUnavailable as away:
                self._away = self._clock.monotonic_s(), away
                raise
            self._made = self._clock.monotonic_s(), sequence, encoded
            return sequence, encoded

    def _fresh(self) -> tuple[int, bytes] | None:
        if self._made is None or not self._is_of_now(self._made[0]):
            return None
        return self._made[1:]

    def _is_of_now(self, at_s: float) -> bool:
        return self._clock.monotonic_s() - at_s < INTERVAL_S * 0.9
