"""Walls around the process: no network by the kernel where that can be had, none by Python's audit hook anywhere."""

import ctypes
import os
import sys
from typing import Any

_NEW_NETWORK = 0x40000000
_NEW_USERS = 0x10000000
_NETWORK_EVENTS = frozenset({"socket.connect", "socket.getaddrinfo", "socket.bind", "socket.sendto", "socket.sendmsg"})


class NetworkRefused(PermissionError):
    """A library tried to reach the network."""


class Network:
    """What became of the network: `namespace` says whether the kernel took it away; attempts are counted."""

    def __init__(self) -> None:
        """Take the network away from this process and every thread that it starts later."""
        self.attempts = 0
        self.namespace = _empty_namespace()
        sys.addaudithook(self._watch)

    def _watch(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in _NETWORK_EVENTS:
            self.attempts += 1
            raise NetworkRefused(f"the speaking process has no network ({event})")


def _empty_namespace() -> bool:
    """Enter a network namespace without an interface; a user without rights needs a user namespace for that."""
    libc = ctypes.CDLL(None, use_errno=True)
    wanted = _NEW_NETWORK if os.geteuid() == 0 else _NEW_NETWORK | _NEW_USERS
    return libc.unshare(wanted) == 0
