"""Ending with the process that started this one, however that ended: by a pipe that it holds the other end of."""

import logging
import os
import sys
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

ASK_AGAIN_S = 1.0
"""A process that is still starting may not have heard it."""


def end_with_stdin(end: Callable[[], None], within_s: float) -> None:
    """Call `end` over and over once standard input has ended, and let the process be gone after so many seconds."""
    threading.Thread(target=_watch, args=(end, within_s), name="parent-watch", daemon=True).start()


def _watch(end: Callable[[], None], within_s: float) -> None:
    while sys.stdin.buffer.raw.read(1):  # type: ignore[attr-defined]
        pass
    until_s = time.monotonic() + within_s
    # A daemon thread: if the main one ends in time, this one ends with the process.
    while time.monotonic() < until_s:
        end()
        threading.Event().wait(min(ASK_AGAIN_S, within_s))
    log.error("nobody is left to wait longer: the process ends here")
    os._exit(1)
