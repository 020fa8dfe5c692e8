"""The walls around the decoder's child process.

FFmpeg's parsers are assumed to be exploitable, so the process that runs them gets nothing worth having: no file but the
one it was given, no network, no other process, bounded time and memory. Each wall that the machine can put up is put
up and named; one that it cannot (an old kernel, another system) is left out of the names.
"""

import ctypes
import os
import resource
import struct
import sys

from appliance.audio import seccomp

_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_NOBODY = 65534
_OPEN_FILES_MAX = 16

_LANDLOCK_CREATE_RULESET, _LANDLOCK_RESTRICT_SELF = 444, 446
_LANDLOCK_VERSION_FLAG = 1
_LANDLOCK_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
"""Number of file rights that each version of the interface knows; 16 from version 5 on (`linux/landlock.h`)."""
_LANDLOCK_FILE_RIGHTS_NEWEST = 16
_PR_SET_NO_NEW_PRIVS = 38


def leave() -> list[str]:
    """Give up file writes, core dumps and the network, before anything is loaded; return the walls' names.

    Every process forked from this one stands behind the same walls.
    """
    _limit(resource.RLIMIT_FSIZE, 0, 0)
    _limit(resource.RLIMIT_CORE, 0, 0)
    names = ["no_file_writes", "no_core_dumps"]
    if sys.platform == "linux" and _leave_network():
        names.append("network_namespace")
    return names


def bound(cpu_s: int, memory_bytes: int) -> list[str]:
    """Limit this process's processor time and memory; return the walls' names.

    The process dies of SIGXCPU after `cpu_s` and of SIGKILL a second later; an allocation beyond `memory_bytes` of
    address space fails.
    """
    _limit(resource.RLIMIT_CPU, cpu_s, cpu_s + 1)
    # macOS refuses to limit the address space.
    if sys.platform != "linux":
        return ["cpu_limit"]
    _limit(resource.RLIMIT_AS, memory_bytes, memory_bytes)
    return ["cpu_limit", "memory_limit"]


def lock_in() -> list[str]:
    """Give up all but memory and open files, for ever; return the walls' names. No import works afterwards."""
    names = []
    if _become_nobody():
        names.append("user_nobody")
    _limit(resource.RLIMIT_NOFILE, _OPEN_FILES_MAX, _OPEN_FILES_MAX)
    _limit(resource.RLIMIT_NPROC, 0, 0)
    names += ["open_files_limit", "no_new_processes"]
    if sys.platform == "linux":
        if _forbid_all_paths():
            names.append("landlock")
        if seccomp.allow_only_decoding():
            names.append("seccomp")
    return names


def _limit(kind: int, soft: int, hard: int) -> None:
    _, ceiling = resource.getrlimit(kind)
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling)
    resource.setrlimit(kind, (soft, hard))


def _leave_network() -> bool:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET) == 0:
        return True
    # Where root's rights are missing, a user namespace of its own brings them, if the site allows such namespaces.
    return libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0


def _become_nobody() -> bool:
    if os.geteuid() != 0:
        return False
    try:
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    except OSError:
        # Inside a user namespace there is no nobody to become; root there is nobody outside.
        return False
    return True


def _forbid_all_paths() -> bool:
    """Restrict this process with a Landlock ruleset that handles every right on files and grants none."""
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(_LANDLOCK_CREATE_RULESET, None, 0, _LANDLOCK_VERSION_FLAG)
    if version < 1:
        return False
    rights = _LANDLOCK_FILE_RIGHTS.get(version, _LANDLOCK_FILE_RIGHTS_NEWEST)
    handled = struct.pack("=Q", (1 << rights) - 1)
    ruleset = libc.syscall(_LANDLOCK_CREATE_RULESET, handled, len(handled), 0)
    if ruleset < 0:
        return False
    try:
        if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
            return False
        return libc.syscall(_LANDLOCK_RESTRICT_SELF, ruleset, 0) == 0
    finally:
        os.close(ruleset)
