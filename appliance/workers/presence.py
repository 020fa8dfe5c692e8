"""Who works, or loads what it works with, on the data folder of this host: told by a lock that ends with the process.

A worker enters itself in the database when it can work; until then, for up to minutes, nobody could know of it.
"""

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

log = logging.getLogger(__name__)

LOCK_FILE = "workers.lock"


@contextmanager
def at_work(data_dir: Path) -> Iterator[None]:
    """Let `anybody_at_work` tell of this process until the block ends; where the folder takes no file, it cannot."""
    held = None
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        held = os.open(data_dir / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(held, fcntl.LOCK_SH)
    except OSError as failure:
        log.warning("nobody can tell that a worker runs here: %s", failure.strerror)
    try:
        yield
    finally:
        if held is not None:
            os.close(held)


def anybody_at_work(data_dir: Path) -> bool:
    """Return whether a process of this host is `at_work` on the folder."""
    try:
        looked = os.open(data_dir / LOCK_FILE, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(looked, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(looked)
    return False
