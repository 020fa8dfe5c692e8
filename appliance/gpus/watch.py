"""The thread that reads a host's GPUs beside whatever else its process does.

A thread of its own: a driver in trouble may not come back from a question, and whoever keeps workers alive must not
wait for it. Its row then grows old, which is what others see.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from appliance.errors import StorageUnavailable
from appliance.gpus.nvml import Nvml
from appliance.gpus.reading import HostReading
from appliance.gpus.records import record_reading
from appliance.storage.database import Database

log = logging.getLogger(__name__)

READ_EVERY_S = 5.0
LEAVE_S = 1.0
"""How long the end of the process waits for a reading in progress."""


class Watch:
    """Reads one host's GPUs and writes down what they say."""

    def __init__(self, database: Database, host: str, read: Callable[[], HostReading]) -> None:
        """Write to this database, under the host's name, what `read` returns."""
        self._database, self._host, self._read = database, host, read
        self._said = ""

    def round(self) -> None:
        """Read and record once; a database that is away gets the next reading."""
        reading = self._read()
        says = _sentence(reading)
        if says != self._said:
            self._said = says
            log.info("GPUs: %s", says)
        try:
            record_reading(self._database, self._host, reading)
        except StorageUnavailable as away:
            log.warning("a GPU reading is not recorded: %s", away)


def _sentence(reading: HostReading) -> str:
    """Return how many devices and instances there are, and which do not answer; or why there is none."""
    silent = [f"{gpu.index}: {gpu.reasons['device']}" for gpu in reading.gpus if not gpu.answers]
    return reading.reason or ", ".join([f"{len(reading.gpus)} read", *silent])


@contextmanager
def gpus_watched(database: Database, host: str, every_s: float = READ_EVERY_S) -> Iterator[None]:
    """Read this host's GPUs every so many seconds until the block ends."""
    stop = threading.Event()
    thread = threading.Thread(target=_run, args=(database, host, stop, every_s), name="gpus", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(LEAVE_S)


def _run(database: Database, host: str, stop: threading.Event, every_s: float) -> None:
    library = Nvml()
    watch = Watch(database, host, library.read)
    while True:
        try:
            watch.round()
        except Exception:
            # The boundary of a thread that must outlive any one reading.
            log.exception("a GPU reading failed")
        if stop.wait(every_s):
            break
    library.close()
