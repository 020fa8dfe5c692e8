"""What a service tells systemd of itself: that it is ready, that it still goes round, that it ends.

The protocol is one datagram per statement to the socket that NOTIFY_SOCKET names (sd_notify(3)); where a process was
started by anything else, nothing is said. `alive` belongs into the loop that does the work and nowhere else: a thread
of its own would go on saying it while that loop hangs.
"""

import logging
import os
import socket

log = logging.getLogger(__name__)

ALIVE_EVERY_S = 2
"""How often a loop that has nothing to do says that it lives; units allow many times that."""
_PATIENCE_S = 1.0


def ready() -> None:
    """Tell that what this service is for works from now on."""
    _tell("READY=1", _PATIENCE_S)


def alive() -> None:
    """Tell that the loop which calls this has come round; never waits, since the next round tells again."""
    _tell("WATCHDOG=1", 0.0)


def stopping() -> None:
    """Tell that this service ends of its own accord and is no longer expected to tell that it lives."""
    _tell("STOPPING=1", _PATIENCE_S)


def _tell(state: str, wait_s: float) -> None:
    name = os.environ.get("NOTIFY_SOCKET", "")
    if not name:
        return
    # A name that begins with @ lies in Linux's abstract namespace, which a zero byte stands for.
    address = f"\0{name[1:]}" if name.startswith("@") else name
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams:
            datagrams.settimeout(wait_s)
            datagrams.sendto(state.encode(), address)
    except OSError as failure:
        log.warning("systemd was not told %s: %s", state, failure.strerror or failure)
