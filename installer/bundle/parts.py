"""Parts of a bundle for media that are smaller: each says what it belongs to and can be checked alone."""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import BinaryIO

from installer.bundle.container import CHUNK_BYTES, exactly
from installer.bundle.reader import read_front
from installer.bundle.refusal import BundleRefused, NotABundle, PartDamaged, TargetInTheWay
from installer.bundle.space import FreeBytes, free_bytes, require_space

HEADER_BYTES = 4096
FORMAT = "meeshy-bundle-part-1"
SMALLEST_BYTES = 64 << 10
MOST_PARTS = 9999


@dataclass(frozen=True, slots=True)
class PartHeader:
    """What a part is: `number` of `parts`, and the hash of its bytes; all but the last have `share_bytes` of them.

    `bundle` is the SHA-256 of the bundle's first two members, signature included: parts of an unsigned and of a signed
    copy do not fit together either.
    """

    bundle: str
    bundle_bytes: int
    share_bytes: int
    number: int
    sha256: str

    @property
    def parts(self) -> int:
        """Return how many parts there are."""
        return -(-self.bundle_bytes // self.share_bytes)

    @property
    def offset_bytes(self) -> int:
        """Return where in the bundle the part belongs."""
        return (self.number - 1) * self.share_bytes

    @property
    def size_bytes(self) -> int:
        """Return how many bytes of the bundle the part holds."""
        return min(self.share_bytes, self.bundle_bytes - self.offset_bytes)

    def encoded(self) -> bytes:
        """Return the 4096 bytes that a part begins with; the last line is the hash of those before it."""
        body = json.dumps({"format": FORMAT, **asdict(self)}, sort_keys=True).encode() + b"\n"
        body = body.ljust(HEADER_BYTES - 65)
        return body + hashlib.sha256(body).hexdigest().encode() + b"\n"


def is_part(path: Path) -> bool:
    """Return whether a file claims to be a part of a bundle."""
    with path.open("rb") as stream:
        return FORMAT.encode() in stream.read(HEADER_BYTES)


def read_part_header(path: Path, stream: BinaryIO) -> PartHeader:
    """Return what the part says of itself; NotABundle for another file, PartDamaged for a spoilt header or length."""
    try:
        raw = exactly(stream, HEADER_BYTES)
    except BundleRefused:
        raise NotABundle(f"{path} is no part of a bundle.") from None
    if FORMAT.encode() not in raw:
        raise NotABundle(f"{path} is no part of a bundle.")
    try:
        document = json.loads(raw[: HEADER_BYTES - 65])
        header = PartHeader(**{field.name: document[field.name] for field in fields(PartHeader)})
        numbers = (header.bundle_bytes, header.share_bytes, header.number)
        whole = header.encoded() == raw and all(type(each) is int and each > 0 for each in numbers)
        # A place beyond the bundle's end would make a huge file with a hole.
        whole = whole and header.number <= header.parts <= MOST_PARTS
    except (ValueError, KeyError, TypeError, RecursionError):
        whole = False
    if not whole:
        raise PartDamaged(f"{path}: its first 4096 bytes are spoilt.")
    have, want = os.fstat(stream.fileno()).st_size, HEADER_BYTES + header.size_bytes
    if have != want:
        raise PartDamaged(f"{path} has {have} of {want} bytes.")
    return header


def part_contents(path: Path, stream: BinaryIO, header: PartHeader) -> Iterator[bytes]:
    """Yield a part's share of the bundle; PartDamaged at the end if the hash is another."""
    digest, left = hashlib.sha256(), header.size_bytes
    while left:
        try:
            piece = stream.read(min(left, CHUNK_BYTES))
        except OSError as error:
            raise PartDamaged(f"{path}: {error.strerror}.") from None
        if not piece:
            raise PartDamaged(f"{path} lacks {left} bytes.")
        digest.update(piece)
        left -= len(piece)
        yield piece
    if digest.hexdigest() != header.sha256:
        raise PartDamaged(f"{path}, part {header.number} of {header.parts}, has another checksum.")


def check_part(path: Path) -> PartHeader:
    """Read a part through and return what it is, or raise PartDamaged: this is how a bad medium is found early."""
    with path.open("rb") as stream:
        header = read_part_header(path, stream)
        for _ in part_contents(path, stream, header):
            pass
    return header


def split(bundle: Path, folder: Path, part_bytes: int, free: FreeBytes = free_bytes) -> list[Path]:
    """Write the parts of a bundle, each at most `part_bytes` long, and return them; the bundle stays as it is.

    Raises NoSpace, NotABundle, and TargetInTheWay if a part of that name exists with other contents.
    """
    if part_bytes < SMALLEST_BYTES:
        raise ValueError(f"a part has at least {SMALLEST_BYTES} bytes")
    share = part_bytes - HEADER_BYTES
    with bundle.open("rb") as stream:
        front = read_front(stream)
        identity = hashlib.sha256(front.raw + front.slot).hexdigest()
        total = stream.seek(0, os.SEEK_END)
        count = -(-total // share)
        if count > MOST_PARTS:
            raise ValueError(f"{count} parts are too many; the most are {MOST_PARTS}")
        names = [folder / f"{bundle.name}.part-{number:04d}-of-{count:04d}" for number in range(1, count + 1)]
        require_space(folder, total + count * HEADER_BYTES, free)
        folder.mkdir(parents=True, exist_ok=True)
        for number, name in enumerate(names, 1):
            _write_part(stream, name, PartHeader(identity, total, share, number, ""))
    return names


def _write_part(stream: BinaryIO, name: Path, blank: PartHeader) -> None:
    if name.exists():
        raise TargetInTheWay(f"{name} exists.")
    partial = name.with_name(f"{name.name}.partial")
    stream.seek(blank.offset_bytes)
    digest, left = hashlib.sha256(), blank.size_bytes
    with partial.open("wb") as file:
        file.write(bytes(HEADER_BYTES))
        while left:
            piece = exactly(stream, min(left, CHUNK_BYTES))
            digest.update(piece)
            file.write(piece)
            left -= len(piece)
        file.seek(0)
        file.write(PartHeader(**{**asdict(blank), "sha256": digest.hexdigest()}).encoded())
        file.flush()
        os.fsync(file.fileno())
    partial.rename(name)
