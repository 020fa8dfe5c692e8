"""The socket that the API listens on, which systemd keeps while the service is started again.

Connections that come meanwhile wait in the kernel's queue and are answered by the next process, so a restart refuses
nobody. systemd gives the socket back after a restart and lets it go when the service is stopped (`FDSTORE` in
sd_notify(3); the unit says `FileDescriptorStoreMax=1`). Where a process was started by anything else it binds anew.

A start that fails, or takes long, lets the socket go: who waits in its queue and who comes then is refused at once,
where nobody would answer them for as long as whatever is wrong lasts.
"""

import atexit
import errno
import os
import socket
import threading
import time

from appliance.notify import tell

FIRST_GIVEN = 3
"""The first descriptor that a service is given (sd_listen_fds(3))."""
BACKLOG = 1024
"""Connections that may wait for the next process; the kernel's own limit is 4096."""
PATIENCE_S = 1.0
START_S = 10.0
"""A start takes three seconds; one that takes so long waits for a migration, or for a database that is away."""
_REMOVE = "FDSTOREREMOVE=1\nFDNAME=api"

_lock = threading.Lock()
_let_go, _ready = threading.Event(), threading.Event()


def guard_start(limit_s: float = START_S) -> None:
    """Let the kept socket go if no door is opened in this time, or this process ends without `ready`; to call first."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return
    atexit.register(_end, os.getpid())
    late = threading.Timer(limit_s, _lose_patience)
    late.daemon = True
    late.start()


def ready() -> None:
    """Keep the socket however this process ends: it has answered, so the next one will."""
    _ready.set()


def _end(process: int) -> None:
    # A child that was forked ends with its parent's handlers.
    if not _ready.is_set() and process == os.getpid():
        tell(_REMOVE)


def _lose_patience() -> None:
    with _lock:
        given = _given()
        if given:
            _let_go.set()
            tell(_REMOVE)
        for each in given:
            each.close()


def open_door(host: str, port: int) -> socket.socket:
    """Return a socket that listens there: the one that systemd kept if it is of this address, else a new one.

    Raises OSError where the address is taken. Port 0 takes any free one, and such a socket is not kept.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # By number, as the kept one tells it: as text, "localhost" would never be the address that it became.
    wanted = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)[0][4][:2]
    with _lock:
        others = _let_go.is_set()
        for given in _given():
            if port and given.getsockname()[:2] == wanted:
                return given
            given.close()
            others = True
    # Before the new one is made: systemd's copy listens too, and may hold this very port at another address.
    heard = (bool(port) or others) and tell(_REMOVE)
    made = _bound(host, port, family, PATIENCE_S if others else 0.0)
    if port and heard and tell("FDSTORE=1\nFDNAME=api", descriptors=[made.fileno()]):
        # The very first start was given nothing, so nothing guarded it until now.
        atexit.register(_end, os.getpid())
    return made


def _bound(host: str, port: int, family: int, patience_s: float) -> socket.socket:
    """Return a listening socket, with some patience for one there that is just being let go."""
    until_s = time.monotonic() + patience_s
    while True:
        try:
            return socket.create_server((host, port), family=family, backlog=BACKLOG)
        except OSError as taken:
            if taken.errno != errno.EADDRINUSE or time.monotonic() >= until_s:
                raise
            time.sleep(0.02)


def _given() -> list[socket.socket]:
    """Return the listening sockets that this very process was given; the environment forgets them."""
    process, count = os.environ.pop("LISTEN_PID", ""), os.environ.pop("LISTEN_FDS", "0")
    os.environ.pop("LISTEN_FDNAMES", None)
    if process != str(os.getpid()):
        return []
    descriptors = range(FIRST_GIVEN, FIRST_GIVEN + int(count))
    for each in descriptors:
        os.set_inheritable(each, False)
    return [socket.socket(fileno=each) for each in descriptors]
