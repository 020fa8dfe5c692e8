"""A list of the system calls that a decoder needs once it is running; the kernel refuses all others.

Nothing on the list opens a file or a socket, starts a process or a thread, or makes memory executable.
"""

import ctypes
import platform

from appliance import classic_bpf as bpf

_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2
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


def allow_only_decoding() -> bool:
    """Install the filter in this process for ever; return False where the kernel or the processor has none.

    Setting `no_new_privs` comes first, because the kernel demands it of unprivileged processes.
    """
    machine = platform.machine()
    if machine not in _ALLOWED:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    if not bpf.give_up_new_rights(libc):
        return False
    return libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(_filter(machine)), 0, 0) == 0


def _filter(machine: str) -> bpf.Program:
    lines = [
        bpf.Instruction(bpf.LOAD, bpf.ARCHITECTURE),
        bpf.Instruction(bpf.JUMP_EQUAL, bpf.AUDIT_NAMES[machine], if_true=1),
        bpf.Instruction(bpf.RETURN, bpf.KILL),
        bpf.Instruction(bpf.LOAD, bpf.CALL_NUMBER),
        bpf.Instruction(bpf.JUMP_GREATER_EQUAL, _X32_CALLS, if_false=1),
        bpf.Instruction(bpf.RETURN, bpf.KILL),
    ]
    for number in _ALLOWED[machine].values():
        lines += [bpf.Instruction(bpf.JUMP_EQUAL, number, if_false=1), bpf.Instruction(bpf.RETURN, bpf.ALLOW)]
    for number in _NOT_EXECUTABLE[machine].values():
        lines += [
            bpf.Instruction(bpf.JUMP_EQUAL, number, if_false=4),
            bpf.Instruction(bpf.LOAD, bpf.argument(2)),
            bpf.Instruction(bpf.JUMP_ANY_BIT, _PROT_EXEC, if_true=1),
            bpf.Instruction(bpf.RETURN, bpf.ALLOW),
            bpf.Instruction(bpf.RETURN, bpf.REFUSE),
        ]
    # A probe of an optional call, as libraries make them, should not end the decode.
    return bpf.assembled([*lines, bpf.Instruction(bpf.RETURN, bpf.REFUSE)])
