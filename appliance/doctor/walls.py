"""The walls around the run without a network: a namespace without a way out, and a witness of every socket.

The witness is the kernel: a filter of system calls (classic BPF, `Documentation/userspace-api/seccomp_filter.rst`)
stops whoever makes a socket of a network or names an address, tells whoever holds the listener, and lets the call go
on. It holds for every thread and child process from then on, in whatever language they are written.
"""

import ctypes
import platform
import struct
from pathlib import Path

from appliance.errors import CommandFailed

UNIX, NETLINK = 1, 16
"""Families that reach no further than this machine's kernel."""

_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 4, 38
_SET_MODE_FILTER, _NEW_LISTENER = 1, 8

_LOAD, _JUMP_EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _NOTIFY = 0x7FFF0000, 0x7FC00000
_CALL_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_ARGUMENT_BYTES = 8

CALLS = {
    "x86_64": {"socket": 41, "connect": 42, "sendto": 44, "seccomp": 317},
    "aarch64": {"socket": 198, "connect": 203, "sendto": 206, "seccomp": 277},
}
_AUDIT_NAMES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def leave_network() -> None:
    """Move this process, which must have one thread, to where there is no way out; CommandFailed where it cannot.

    Nothing is done where there is none already, as in a service with `PrivateNetwork=yes`.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if not _routes():
        return
    # Where root's rights are missing, a user namespace of its own brings them, if the site allows such namespaces.
    if libc.unshare(_CLONE_NEWNET) != 0 and libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) != 0:
        raise CommandFailed("This machine lets nobody but root leave the network: run it as root.")
    # The kernel hides a process that changed its rights even from its parent, which has to look at it.
    libc.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)
    if _routes():
        raise CommandFailed("A new network namespace has a way out here.")


def post_witness() -> int:
    """Have every attempt of this process and its children told from now on; return the listener's descriptor.

    CommandFailed where this kernel or processor has no such filters.
    """
    machine = platform.machine()
    if machine not in CALLS:
        raise CommandFailed(f"Sockets cannot be watched on {machine}.")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise CommandFailed("This process may not be filtered.")
    code = _filter(machine)
    program = _Program(len(code) // 8, code)
    listener = libc.syscall(CALLS[machine]["seccomp"], _SET_MODE_FILTER, _NEW_LISTENER, ctypes.byref(program))
    if listener < 0:
        raise CommandFailed(f"Sockets cannot be watched here: error {ctypes.get_errno()} of the kernel.")
    return listener


def _routes() -> bool:
    """Return whether there is a route that leaves this machine."""
    routes = _lines("/proc/self/net/route")[1:]
    routes += [line for line in _lines("/proc/self/net/ipv6_route") if line.split()[-1] != "lo"]
    return bool(routes)


def _lines(file: str) -> list[str]:
    try:
        return Path(file).read_text(encoding="ascii").splitlines()
    except OSError:
        return []  # a kernel without that protocol


def _filter(machine: str) -> bytes:
    calls = CALLS[machine]
    address = _FIRST_ARGUMENT + 4 * _ARGUMENT_BYTES  # of sendto: its fifth argument
    lines = [
        _line(_LOAD, _ARCHITECTURE),
        _line(_JUMP_EQUAL, _AUDIT_NAMES[machine], if_false=12),
        _line(_LOAD, _CALL_NUMBER),
        _line(_JUMP_EQUAL, calls["connect"], if_true=11),
        _line(_JUMP_EQUAL, calls["sendto"], if_true=5),
        _line(_JUMP_EQUAL, calls["socket"], if_false=8),
        _line(_LOAD, _FIRST_ARGUMENT),
        _line(_JUMP_EQUAL, UNIX, if_true=6),
        _line(_JUMP_EQUAL, NETLINK, if_true=5),
        _line(_RETURN, _NOTIFY),
        # A sendto without an address goes where the socket is connected to already.
        _line(_LOAD, address),
        _line(_JUMP_EQUAL, 0, if_false=3),
        _line(_LOAD, address + 4),
        _line(_JUMP_EQUAL, 0, if_false=1),
        _line(_RETURN, _ALLOW),
        _line(_RETURN, _NOTIFY),
    ]
    return b"".join(lines)


def _line(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)
