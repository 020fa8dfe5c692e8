"""Filters of system calls as the kernel takes them: classic BPF, `Documentation/userspace-api/seccomp_filter.rst`."""

import ctypes
import struct
from collections.abc import Iterable
from typing import NamedTuple

LOAD = 0x20
JUMP_EQUAL, JUMP_GREATER_EQUAL, JUMP_ANY_BIT = 0x15, 0x35, 0x45
RETURN = 0x06

ALLOW, KILL = 0x7FFF0000, 0x80000000
NOTIFY = 0x7FC00000
"""Whoever holds the listener is told, and decides."""
REFUSE = 0x00050000 | 1
"""EPERM to the caller."""

CALL_NUMBER, ARCHITECTURE = 0, 4
"""Where a filter finds them in what it is shown of a call, in bytes."""
AUDIT_NAMES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""What the kernel calls an architecture there, by `platform.machine()`."""

_PR_SET_NO_NEW_PRIVS = 38


class Instruction(NamedTuple):
    """One instruction; jumps count the instructions that are passed over."""

    code: int
    value: int
    if_true: int = 0
    if_false: int = 0


class Program(ctypes.Structure):
    """A filter in the kernel's form (`struct sock_fprog`)."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def argument(number: int) -> int:
    """Return where a filter finds the lower half of a call's argument, counted from 0."""
    return 16 + 8 * number


def assembled(instructions: Iterable[Instruction]) -> Program:
    """Return the filter of these instructions."""
    code = b"".join(struct.pack("=HBBI", line.code, line.if_true, line.if_false, line.value) for line in instructions)
    return Program(len(code) // 8, code)


def give_up_new_rights(libc: ctypes.CDLL) -> bool:
    """Keep this process from ever getting more rights, which the kernel asks of whoever filters without root's."""
    return libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
