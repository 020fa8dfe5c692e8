"""The watchdog of `meeshy serve`: its worker child is ended, and so replaced, when a batch hangs in it."""

import logging
import math
import threading
from types import TracebackType
from typing import Protocol, Self

from appliance.clock import Clock
from appliance.errors import StorageUnavailable
from appliance.pool.inventory import Rules
from appliance.pool.reading import read
from appliance.pool.watchdog import Watchdog
from appliance.settings import Settings
from appliance.storage.database import Database

log = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0
HUNG_BATCHES_ALONE = Rules(load_s=math.inf, silent_s=math.inf)
"""The child keeps house in the thread that reports, and an hour's duty may take minutes; nobody knows for how long a
small machine loads. What the child has in hand tells more than either."""


class Child(Protocol):
    """A worker child that somebody else keeps alive."""

    @property
    def pid(self) -> int | None:
        """Its process id, None while there is none."""

    def end(self, pid: int) -> None:
        """End it at once, if it still is this process."""


class EmbeddedWatch:
    """Looks every few seconds while it is entered, in a thread of its own."""

    def __init__(
        self, settings: Settings, child: Child, clock: Clock, rules: Rules = HUNG_BATCHES_ALONE
    ) -> None:  # fmt: skip
        """Watch this child; nothing is looked at before it is entered."""
        self._settings, self._child, self._clock = settings, child, clock
        self._watchdog = Watchdog(rules)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="worker-watchdog", daemon=True)

    def __enter__(self) -> Self:
        """Start looking."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop looking; the child may take its time over the last batch."""
        self._closing.set()
        self._thread.join()

    def look(self, database: Database) -> None:
        """End the child if what it has in hand takes longer than its audio allows."""
        pid = self._child.pid
        if pid is None:
            return
        try:
            reading = read(database, self._settings, (), (pid,))
        except StorageUnavailable as away:
            log.warning("nobody looks after the worker: %s", away)
            self._watchdog.blind()
            return
        for stuck, reason in self._watchdog.stuck(reading, {pid: 0.0}, self._clock.monotonic_s()).items():
            log.error("the worker is ended: %s", reason)
            self._child.end(stuck)

    def _run(self) -> None:
        database = Database(self._settings.database)
        try:
            while not self._closing.wait(LOOK_EVERY_S):
                try:
                    self.look(database)
                except Exception:
                    # The boundary of a thread that must go on: it is all that looks after the worker.
                    log.exception("nobody looked after the worker")
        finally:
            database.close()
