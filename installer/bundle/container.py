"""The bundle's container: a POSIX ustar archive of regular files that can be written in one way only.

`tar` can list it, but here nothing of tar's generality is read: each header is made anew from its four fields and must
be the same 512 bytes. Links, devices, sparse files, long-name records and compression do not exist.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from installer.bundle.refusal import Damaged, MemberRefused, Truncated

BLOCK_BYTES = 512
CHUNK_BYTES = 1 << 20
END = bytes(2 * BLOCK_BYTES)
LARGEST_MEMBER_BYTES = 8**11 - 1
"""8 GiB: what eleven octal digits hold."""
LONGEST_NAME = 240
"""Below the 255 bytes of Linux's file systems, so that a name with a suffix fits too."""
PATH = re.compile(r"[A-Za-z0-9._+~%@,=:-]+(/[A-Za-z0-9._+~%@,=:-]+)*")
KINDS = {
    "1": "a hard link", "2": "a link", "3": "a device", "4": "a device", "5": "a folder", "6": "a pipe",
    "S": "a sparse file", "L": "a long name", "K": "a long link", "x": "an extension", "g": "an extension",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Member:
    """One file of a bundle; `time_s` is seconds since 1970, the same for all of them."""

    path: str
    size_bytes: int
    time_s: int
    executable: bool = False


def safe_path(path: str) -> bool:
    """Return whether a path is relative, in its shortest form, of plain letters and signs, and fits a header."""
    parts = path.split("/")
    inside = PATH.fullmatch(path) is not None and not {".", ".."} & set(parts)
    return inside and max(map(len, parts)) <= LONGEST_NAME and _split(path) is not None


def header(member: Member) -> bytes:
    """Return the 512 bytes that stand before a member's contents; ValueError for one that fits no header."""
    halves = _split(member.path)
    if halves is None or not 0 <= member.size_bytes <= LARGEST_MEMBER_BYTES:
        raise ValueError(f"{member.path} with {member.size_bytes} bytes fits no header")
    prefix, name = halves
    mode = 0o755 if member.executable else 0o644
    fields = [
        name.encode().ljust(100, b"\0"), b"%07o\0" % mode, b"%07o\0" % 0, b"%07o\0" % 0,
        b"%011o\0" % member.size_bytes, b"%011o\0" % member.time_s, b" " * 8, b"0", bytes(100),
        b"ustar\x0000", b"root".ljust(32, b"\0"), b"root".ljust(32, b"\0"), bytes(8), bytes(8),
        prefix.encode().ljust(155, b"\0"), bytes(12),
    ]  # fmt: skip
    block = b"".join(fields)
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def padding(size_bytes: int) -> bytes:
    """Return the zeros that follow a member's contents."""
    return bytes(-size_bytes % BLOCK_BYTES)


def stored_bytes(size_bytes: int) -> int:
    """Return what a member of this size takes in a bundle."""
    return BLOCK_BYTES + size_bytes + len(padding(size_bytes))


def read_header(stream: BinaryIO) -> Member | None:
    """Return the next member, None at the end; the stream stands at its contents then."""
    block = exactly(stream, BLOCK_BYTES)
    if block == END[:BLOCK_BYTES]:
        if exactly(stream, BLOCK_BYTES) != END[BLOCK_BYTES:] or stream.read(1):
            raise Damaged("Something follows its end.")
        return None
    if block[257:265] != b"ustar\x0000":
        raise Damaged("Where an entry should stand there is something else.")
    name = block[:100].rstrip(b"\0").decode("latin-1")
    prefix = block[345:500].rstrip(b"\0").decode("latin-1")
    path = f"{prefix}/{name}" if prefix else name
    kind = chr(block[156])
    if kind != "0":
        raise MemberRefused(f"{path!r} is {KINDS.get(kind, 'not a file')}.")
    if not safe_path(path):
        raise MemberRefused(f"{path!r} is no path inside a bundle.")
    try:
        member = Member(path, int(block[124:135], 8), int(block[136:147], 8), block[100:107] == b"0000755")
        canonical = header(member)
    except ValueError:
        canonical = b""
    if canonical != block:
        raise Damaged(f"The entry of {path} is not as bundles are written.")
    return member


def contents(stream: BinaryIO, member: Member) -> Iterator[bytes]:
    """Yield a member's contents in pieces of at most 1 MiB; the stream stands at the next header afterwards."""
    left = member.size_bytes
    while left:
        piece = stream.read(min(left, CHUNK_BYTES))
        if not piece:
            raise Truncated(f"{member.path} lacks {left} bytes.")
        left -= len(piece)
        yield piece
    fill = len(padding(member.size_bytes))
    if exactly(stream, fill) != bytes(fill):
        raise Damaged(f"What follows {member.path} is not empty.")


def exactly(stream: BinaryIO, size_bytes: int) -> bytes:
    """Return the next bytes or raise Truncated."""
    pieces = []
    while size_bytes:
        piece = stream.read(size_bytes)
        if not piece:
            raise Truncated
        pieces.append(piece)
        size_bytes -= len(piece)
    return b"".join(pieces)


def _split(path: str) -> tuple[str, str] | None:
    """Return prefix and name of a path as ustar keeps them, the name as long as possible; None if it is too long."""
    if len(path) <= 100:
        return "", path
    at = path.find("/", len(path) - 101)
    if at < 1 or at > 155 or len(path) - at - 1 > 100:
        return None
    return path[:at], path[at + 1 :]
