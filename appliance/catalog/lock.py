"""One change to a models folder at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from appliance.errors import PullFailed


@contextmanager
def models_lock(root: Path) -> Iterator[None]:
    """Hold the models folder's lock, or raise PullFailed at once if another process holds it.

    The kernel drops the lock with the process that held it, so a killed pull leaves nothing to clean up.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        opened = (root / ".lock").open("a+", encoding="ascii")
    except OSError as error:
        raise PullFailed(f"The models folder {root} cannot be written: {error.strerror}.") from error
    with opened as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            stream.seek(0)
            holder = stream.read(20).strip() or "unknown"
            raise PullFailed(
                f"Process {holder} is changing the models in {root}; wait until it has ended, then try again."
            ) from error
        stream.truncate(0)
        stream.write(str(os.getpid()))
        stream.flush()
        yield
