"""A list of the system calls that a decoder needs once it is running; the kernel refuses all others.

The program is classic BPF as described in the kernel's `Documentation/userspace-api/seccomp_filter.rst`. Nothing on the
list opens a file or a socket, starts a process or a thread, or makes memory executable.
"""

import ctypes
import platform
import struct

_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2

_LOAD = 0x20
_JUMP_EQUAL = 0x15
_JUMP_GREATER_EQUAL = 0x35
_JUMP_ANY_BIT = 0x45
_RETURN = 0x06
_ALLOW = 0x7FFF0000
_KILL = 0x80000000
_REFUSE = 0x00050000 | 1
"""EPERM to the caller: libraries probe optional calls, and a probe should not end the decode."""

_CALL_NUMBER, _ARCHITECTURE, _THIRD_ARGUMENT = 0, 4, 32
_PROT_EXEC = 4
_X32_CALLS = 0x40000000

_ALLOWED = {
    "x86_64": {
        "read": 0, "write": 1, "close": 3, "lseek": 8, "munmap": 11, "brk": 12, "rt_sigaction": 13,
        "rt_sigprocmask": 14, "rt_sigreturn": 15, "sched_yield": 24, "mremap": 25, "madvise": 28, "recvmsg": 47,
        "exit": 60, "gettimeofday": 96, "sigaltstack": 131, "futex": 202, "restart_syscall": 219,
        "clock_gettime": 228, "clock_nanosleep": 230, "exit_group": 231, "getrandom": 318,
    },
    "aarch64": {
        "read": 63, "write": 64, "close": 57, "lseek": 62, "munmap": 215, "brk": 214, "rt_sigaction": 134,
        "rt_sigprocmask": 135, "rt_sigreturn": 139, "sched_yield": 124, "mremap": 216, "madvise": 233, "recvmsg": 212,
        "exit": 93, "gettimeofday": 169, "sigaltstack": 132, "futex": 98, "restart_syscall": 128,
        "clock_gettime": 113, "clock_nanosleep": 115, "exit_group": 94, "getrandom": 278,
    },
}  # fmt: skip
_NOT_EXECUTABLE = {"x86_64": {"mmap": 9, "mprotect": 10}, "aarch64": {"mmap": 222, "mprotect": 226}}
_AUDIT_NAMES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def allow_only_decoding() -> bool:
    """Install the filter in this process for ever; return False where the kernel or the processor has none.

    Setting `no_new_privs` comes first, because the kernel demands it of unprivileged processes.
    """
    machine = platform.machine()
    if machine not in _ALLOWED:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    code = _filter(machine)
    program = _Program(len(code) // 8, code)
    return libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0) == 0


def _filter(machine: str) -> bytes:
    lines = [
        _instruction(_LOAD, _ARCHITECTURE),
        _instruction(_JUMP_EQUAL, _AUDIT_NAMES[machine], if_true=1),
        _instruction(_RETURN, _KILL),
        _instruction(_LOAD, _CALL_NUMBER),
        _instruction(_JUMP_GREATER_EQUAL, _X32_CALLS, if_false=1),
        _instruction(_RETURN, _KILL),
    ]
    for number in _ALLOWED[machine].values():
        lines += [_instruction(_JUMP_EQUAL, number, if_false=1), _instruction(_RETURN, _ALLOW)]
    for number in _NOT_EXECUTABLE[machine].values():
        lines += [
            _instruction(_JUMP_EQUAL, number, if_false=4),
            _instruction(_LOAD, _THIRD_ARGUMENT),
            _instruction(_JUMP_ANY_BIT, _PROT_EXEC, if_true=1),
            _instruction(_RETURN, _ALLOW),
            _instruction(_RETURN, _REFUSE),
        ]
    return b"".join([*lines, _instruction(_RETURN, _REFUSE)])


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)
