"""What a decoder that a recording has taken over can still do: each attempt is made from inside the real sandbox."""

import platform
import subprocess
import sys

import pytest

ENTER = """
import ctypes, os, socket, sys
from appliance.audio import sandbox
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
names = sandbox.leave() + sandbox.bound(10, 1 << 30) + sandbox.lock_in()
def say(text):
    os.write(1, text.encode())
"""
ATTEMPTS = {
    "read a file": "os.open('/etc/hostname', os.O_RDONLY)",
    "list a folder": "os.listdir('/')",
    "write a file": "os.open('/tmp/meeshy-escape', os.O_WRONLY | os.O_CREAT)",
    "remove a file": "os.unlink('/tmp/meeshy-escape')",
    "open a socket": "socket.socket()",
    "open a local socket": "socket.socket(socket.AF_UNIX)",
    "start a process": "os.fork()",
    "run a program": "os.execv('/bin/true', ['true'])",
    "signal its parent": "os.kill(os.getppid(), 0)",
    "raise its limits": "__import__('resource').setrlimit(__import__('resource').RLIMIT_CPU, (1000, 1000))",
}


def inside(code):
    """Return what the code says from within the sandbox."""
    run = subprocess.run([sys.executable, "-c", ENTER + code], stdout=subprocess.PIPE, text=True, check=False)
    return run.stdout


@pytest.fixture(scope="module")
def walls():
    return inside("say(' '.join(names))").split()


needs_linux = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in {"x86_64", "aarch64"},
    reason="the system-call filter is Linux's",
)


@needs_linux
def test_all_walls_stand_where_the_kernel_offers_them(walls):
    assert {"cpu_limit", "memory_limit", "no_file_writes", "no_new_processes", "seccomp"} <= set(walls)


@needs_linux
@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_inside_it_is_impossible_to(attempt):
    code = f"""
try:
    {ATTEMPTS[attempt]}
    say('done')
except (OSError, ValueError) as error:
    say('refused')
"""
    assert inside(code) == "refused"


@needs_linux
def test_inside_no_memory_becomes_executable():
    code = "say('refused' if libc.mmap(None, 4096, 1 | 2 | 4, 0x22, -1, 0) == 2**64 - 1 else 'done')"

    assert inside(code) == "refused"


@needs_linux
def test_inside_memory_ends_at_the_limit():
    code = """
try:
    bytearray(2 << 30)
    say('done')
except MemoryError:
    say('refused')
"""
    assert inside(code) == "refused"


@needs_linux
def test_inside_what_decoding_needs_still_works():
    assert inside("say('works' if sum(bytearray(1 << 20)) == 0 else '')") == "works"
