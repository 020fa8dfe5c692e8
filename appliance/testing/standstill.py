"""Letting a child process stand still for a while, as one does that waits for a disk or for its turn."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def standing_still(pid: int) -> Iterator[None]:
    """Stop a child of this process and let it go on afterwards; within, none of its threads runs."""
    os.kill(pid, signal.SIGSTOP)
    # The signal takes a moment to reach all threads. The child's state is left for whoever waits for its end.
    os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOWAIT)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):  # it may have been killed meanwhile
            os.kill(pid, signal.SIGCONT)
