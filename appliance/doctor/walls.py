"""The walls around the run without a network: a namespace without a way out, and a witness of every socket.

The witness is the kernel: a filter of system calls stops whoever makes a socket of a network or names an address,
tells whoever holds the listener, and lets the call go on. It holds for every thread and child process from then on, in
whatever language they are written.
"""

import ctypes
import platform
from pathlib import Path

from appliance import classic_bpf as bpf
from appliance.errors import CommandFailed

UNIX, NETLINK = 1, 16
"""Families that reach no further than this machine's kernel."""

_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_PR_SET_DUMPABLE = 4
_SET_MODE_FILTER, _NEW_LISTENER = 1, 8
_SENDTO_ADDRESS = bpf.argument(4)

CALLS = {
    "x86_64": {"socket": 41, "connect": 42, "sendto": 44, "seccomp": 317},
    "aarch64": {"socket": 198, "connect": 203, "sendto": 206, "seccomp": 277},
}


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
    if not bpf.give_up_new_rights(libc):
        raise CommandFailed("This process may not be filtered.")
    seccomp = CALLS[machine]["seccomp"]
    listener = libc.syscall(seccomp, _SET_MODE_FILTER, _NEW_LISTENER, ctypes.byref(_filter(machine)))
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


def _filter(machine: str) -> bpf.Program:
    calls = CALLS[machine]
    lines = [
        bpf.Instruction(bpf.LOAD, bpf.ARCHITECTURE),
        bpf.Instruction(bpf.JUMP_EQUAL, bpf.AUDIT_NAMES[machine], if_false=12),
        bpf.Instruction(bpf.LOAD, bpf.CALL_NUMBER),
        bpf.Instruction(bpf.JUMP_EQUAL, calls["connect"], if_true=11),
        bpf.Instruction(bpf.JUMP_EQUAL, calls["sendto"], if_true=5),
        bpf.Instruction(bpf.JUMP_EQUAL, calls["socket"], if_false=8),
        bpf.Instruction(bpf.LOAD, bpf.argument(0)),
        bpf.Instruction(bpf.JUMP_EQUAL, UNIX, if_true=6),
        bpf.Instruction(bpf.JUMP_EQUAL, NETLINK, if_true=5),
        bpf.Instruction(bpf.RETURN, bpf.NOTIFY),
        # A sendto without an address goes where the socket is connected to already.
        bpf.Instruction(bpf.LOAD, _SENDTO_ADDRESS),
        bpf.Instruction(bpf.JUMP_EQUAL, 0, if_false=3),
        bpf.Instruction(bpf.LOAD, _SENDTO_ADDRESS + 4),
        bpf.Instruction(bpf.JUMP_EQUAL, 0, if_false=1),
        bpf.Instruction(bpf.RETURN, bpf.ALLOW),
        bpf.Instruction(bpf.RETURN, bpf.NOTIFY),
    ]
    return bpf.assembled(lines)
