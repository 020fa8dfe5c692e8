"""Listening to the kernel: who made a network's socket or named an address, of a process tree behind `post_witness`.

Whoever is told is stopped at that moment, so that its stack and memory can be looked at, and goes on afterwards.
"""

import bisect
import fcntl
import platform
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from appliance.doctor.walls import CALLS, NETLINK, UNIX

_RECEIVE, _SEND = 0xC050_2100, 0xC018_2101
_NOTICE = struct.Struct("=QIIiIQ6Q")
"""id, thread, flags; then the call: number, architecture, instruction pointer, six arguments."""
_ANSWER = struct.Struct("=QqiI")
_GO_ON = 1
_UNSPECIFIED = 0
_STACK_BYTES = 1 << 15
_LONGEST_ADDRESS_BYTES = 128
_OF_THE_C_LIBRARY = ("libc.", "libc-", "libpthread", "libresolv", "libanl", "libnss_", "ld-linux", "[")


@dataclass(frozen=True, slots=True)
class Witnessed:
    """One call: by which thread of which program, what, and the libraries on its stack, the nearest first."""

    thread: int
    program: str
    what: str
    libraries: tuple[str, ...]

    @property
    def library(self) -> str:
        """Return the file of the nearest one, empty if unknown."""
        return next(iter(self.libraries), "")

    @property
    def by_python(self) -> bool:
        """Return whether Python's own socket module made it.

        Where that is a library, it is enough that it is on the stack: words that earlier calls left there may name
        another one before it.
        """
        if any(Path(each).name.startswith("_socket.") for each in self.libraries):
            return True
        return Path(self.library).name.startswith("libpython") or self.library == str(Path(sys.executable).resolve())


def hear(listener: int) -> Witnessed | None:
    """Take one call off the listener and let it go on; None where it reaches no network, or its caller is gone."""
    notice = bytearray(_NOTICE.size)
    try:
        fcntl.ioctl(listener, _RECEIVE, notice, True)
    except OSError:
        return None
    number, thread, _, call, _, _, *arguments = _NOTICE.unpack(notice)
    try:
        return _witnessed(thread, call, arguments)
    finally:
        _let_go(listener, number)


def _let_go(listener: int, number: int) -> None:
    try:
        fcntl.ioctl(listener, _SEND, bytearray(_ANSWER.pack(number, 0, 0, _GO_ON)), True)
    except OSError:
        return  # its caller was ended meanwhile


def _witnessed(thread: int, call: int, arguments: list[int]) -> Witnessed | None:
    names = {number: name for name, number in CALLS[platform.machine()].items()}
    name = names[call]
    if name == "socket":
        what = f"socket of {_family(arguments[0])}"
    else:
        where, length = arguments[1:3] if name == "connect" else arguments[4:6]
        address = _memory(thread, where, min(length, _LONGEST_ADDRESS_BYTES))
        if address is None:
            what = f"{name} to an address that could not be read"
        else:
            told = _address(address)
            if told is None:
                return None
            what = f"{name} to {told}"
    process = _process(thread)
    program = f"{_text(Path(f'/proc/{process}/comm')).strip() or 'program'} ({process})"
    return Witnessed(thread, program, what, _libraries(thread))


def _family(number: int) -> str:
    try:
        return socket.AddressFamily(number).name
    except ValueError:
        return f"family {number}"


def _address(raw: bytes) -> str | None:
    """Return an address as people write it; None for one that reaches no network."""
    family = int.from_bytes(raw[:2], sys.byteorder)
    port = int.from_bytes(raw[2:4], "big")
    if family in (UNIX, NETLINK, _UNSPECIFIED):
        return None
    if family == socket.AF_INET and len(raw) >= 8:
        return f"{socket.inet_ntop(socket.AF_INET, raw[4:8])}:{port}"
    if family == socket.AF_INET6 and len(raw) >= 24:
        return f"[{socket.inet_ntop(socket.AF_INET6, raw[8:24])}]:{port}"
    return _family(family)


def _memory(thread: int, where: int, length: int) -> bytes | None:
    try:
        with Path(f"/proc/{thread}/mem").open("rb", buffering=0) as memory:
            memory.seek(where)
            return memory.read(length)
    except (OSError, ValueError, OverflowError):
        return None


def _process(thread: int) -> int:
    for line in _text(Path(f"/proc/{thread}/status")).splitlines():
        if line.startswith("Tgid:"):
            return int(line.split()[1])
    return thread


def _libraries(thread: int) -> tuple[str, ...]:
    """Return the files of the code on the stack that is not the C library's, the nearest first: who asked it."""
    fields = _text(Path(f"/proc/{thread}/syscall")).split()
    if len(fields) < 3:
        return ()
    stack = _memory(thread, int(fields[-2], 16), _STACK_BYTES) or b""
    file_of = _code(thread)
    files = dict.fromkeys(file_of(word) for (word,) in struct.iter_unpack("=Q", stack[: len(stack) // 8 * 8]))
    return tuple(file for file in files if file and not Path(file).name.startswith(_OF_THE_C_LIBRARY))


def _code(thread: int) -> Callable[[int], str]:
    regions = list(_executable(_text(Path(f"/proc/{thread}/maps"))))

    def file_of(address: int) -> str:
        at = bisect.bisect_right(regions, address, key=lambda region: region[0]) - 1  # the kernel lists them in order
        return regions[at][2] if at >= 0 and address < regions[at][1] else ""

    return file_of


def _executable(maps: str) -> Iterator[tuple[int, int, str]]:
    for line in maps.splitlines():
        fields = line.split(maxsplit=5)
        if len(fields) == 6 and "x" in fields[1]:
            low, high = (int(each, 16) for each in fields[0].split("-"))
            yield low, high, fields[5]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
