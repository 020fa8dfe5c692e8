"""What a process counted since it last told the database, so that the figures of all processes can be added up.

Metrics are fetched from each process and end with it; a console asks one process and wants to know of all.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import sqlalchemy as sa

from appliance.errors import StorageUnavailable
from appliance.storage.admin_tables import tallies
from appliance.storage.database import Database
from appliance.telemetry.slices import Slice

log = logging.getLogger(__name__)

EVERY_S = 2.0
MOST_NAMES = 500
"""Names come from routes, families and codes; more than this would be somebody's mistake, and is dropped."""


class Tally:
    """Counts from any thread; whoever tells it empties it."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._lock = threading.Lock()
        self._slice = Slice()

    def count(self, name: str, value: float = 1.0) -> None:
        """Add to a count."""
        with self._lock:
            if name in self._slice.counts or len(self._slice.counts) < MOST_NAMES:
                self._slice.count(name, value)

    def measure(self, name: str, seconds: float, times: int = 1) -> None:
        """Add measured seconds."""
        with self._lock:
            if name in self._slice.seconds or len(self._slice.seconds) < MOST_NAMES:
                self._slice.measure(name, seconds, times)

    def tell(self, database: Database) -> None:
        """Write down what was counted, and forget it; what the database does not take is told the next time."""
        with self._lock:
            told, self._slice = self._slice, Slice()
        if not told:
            return
        try:
            with database.write() as connection:
                row = {"at_s": database.now_s(connection), "document": msgspec.to_builtins(told, str_keys=True)}
                connection.execute(sa.insert(tallies).values(**row))
        except Exception:
            with self._lock:
                self._slice.add(told)
            raise


@contextmanager
def telling(tally: Tally, database: Database, every_s: float = EVERY_S) -> Iterator[None]:
    """Tell every so many seconds, in a thread of its own, until the block ends, and once more then."""
    gone = threading.Event()

    def tell() -> None:
        try:
            tally.tell(database)
        except StorageUnavailable as away:
            log.warning("counts are told later: %s", away)
        except Exception:
            # The boundary of a thread that must outlive everything.
            log.exception("counts could not be told")

    def run() -> None:
        while not gone.wait(every_s):
            tell()
        tell()

    thread = threading.Thread(target=run, name="tally", daemon=True)
    thread.start()
    try:
        yield
    finally:
        gone.set()
        thread.join()
