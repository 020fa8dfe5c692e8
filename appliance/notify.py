"""What a service tells systemd of itself: that it is ready, that it still goes round, that it ends.

The protocol is one datagram per statement to the socket that NOTIFY_SOCKET names (sd_notify(3)); where a process was
started by anything else, nothing is said. `alive` belongs into the loop that does the work and nowhere else: a thread
of its own would go on saying it while that loop hangs.
"""

import logging
import os
import socket
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

_T = TypeVar("_T")

log = logging.getLogger(__name__)

ALIVE_EVERY_S = 2
"""How often a loop that has nothing to do says that it lives; units allow many times that."""
_PATIENCE_S = 1.0


def ready() -> None:
    """Tell that what this service is for works from now on."""
    tell("READY=1")


def alive() -> None:
    """Tell that the loop which calls this has come round; never waits, since the next round tells again."""
    tell("WATCHDOG=1", 0.0)


def alive_through(each: Iterable[_T]) -> Iterator[_T]:
    """Yield the same, and tell every few seconds that whoever goes through it has come to the next."""
    told_s = float("-inf")
    for one in each:
        now_s = time.monotonic()
        if now_s - told_s >= ALIVE_EVERY_S:
            told_s = now_s
            alive()
        yield one


def stopping() -> None:
    """Tell that this service ends of its own accord and is no longer expected to tell that it lives."""
    tell("STOPPING=1")


def tell(state: str, wait_s: float = _PATIENCE_S, descriptors: Sequence[int] = ()) -> bool:
    """Say something else to systemd, with descriptors for it to keep; return whether it was heard."""
    name = os.environ.get("NOTIFY_SOCKET", "")
    if not name:
        return False
    # A name that begins with @ lies in Linux's abstract namespace, which a zero byte stands for.
    address = f"\0{name[1:]}" if name.startswith("@") else name
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams:
            datagrams.settimeout(wait_s)
            # Connected first: before Python 3.12 send_fds forgets the address that it is given.
            datagrams.connect(address)
            if descriptors:
                socket.send_fds(datagrams, [state.encode()], descriptors)
            else:
                datagrams.send(state.encode())
    except OSError as failure:
        log.warning("systemd was not told %s: %s", state, failure.strerror or failure)
        return False
    return True
