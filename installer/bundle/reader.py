"""Reads a bundle from front to back: metadata and signature first, then every file against its signed hash."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from installer.bundle import checksums, metadata, signature
from installer.bundle.container import Member, contents, read_header, stored_bytes
from installer.bundle.keys import TrustedKey
from installer.bundle.metadata import Metadata, parse_metadata
from installer.bundle.refusal import BundleRefused, Damaged, KeyUnknown, NotABundle, Unsigned

METADATA = "bundle.json"
SIGNATURE = "bundle.sig"
CHECKSUMS = "checksums.sha256"


class Sink(Protocol):
    """What takes the files of a bundle while they are read."""

    def take(self, member: Member, pieces: Iterator[bytes]) -> None:
        """Use a member's contents; all pieces must be drawn."""


@dataclass(frozen=True, slots=True)
class Front:
    """The first two members: the bytes of metadata and signature, and the time in their entries (None: no entries)."""

    raw: bytes
    slot: bytes
    time_s: int | None

    @property
    def bytes_before_payload(self) -> int:
        """Return where the rest of the bundle begins."""
        return stored_bytes(len(self.raw)) + stored_bytes(len(self.slot))

    def check(self, keys: Mapping[str, TrustedKey]) -> tuple[Metadata, TrustedKey, signature.Signature]:
        """Return the metadata once a trusted key has vouched for it; nothing of it is read before."""
        key, found = signature.check_signature(self.raw, self.slot, keys)
        about = parse_metadata(self.raw)
        if self.time_s not in (None, about.built_s):
            raise Damaged(f"The entry of {METADATA} is not as it was signed.")
        return about, key, found

    def signer(self, keys: Mapping[str, TrustedKey]) -> str:
        """Return who signed, in words, for somebody who only looks; SignatureWrong where it does not fit."""
        try:
            key, _ = signature.check_signature(self.raw, self.slot, keys)
        except Unsigned:
            return "not signed"
        except KeyUnknown:
            found = signature.read_slot(self.slot)
            return f"by {found.key_id}, not checked: no trusted key of that name was given" if found else "not signed"
        return f"by {key.id} {key.owner}".rstrip() + ", checked"


def read_front(stream: BinaryIO) -> Front:
    """Return the metadata and the signature that a stream begins with, unchecked; NotABundle where it does not."""
    try:
        first = read_header(stream)
    except BundleRefused:
        raise NotABundle from None
    if first is None or first.path != METADATA or first.size_bytes > metadata.LARGEST_BYTES:
        raise NotABundle
    raw = b"".join(contents(stream, first))
    second = read_header(stream)
    if second != Member(SIGNATURE, signature.SLOT_BYTES, first.time_s) or first.executable:
        raise Damaged("The signature is not in its place.")
    return Front(raw, b"".join(contents(stream, second)), first.time_s)


def read_payload(stream: BinaryIO, about: Metadata, sink: Sink) -> dict[str, str]:
    """Read everything behind the signature and return the signed hashes by path.

    Each file must be the next of the signed list, with its hash and its place; `sink` gets it meanwhile and may have
    written what turns out wrong, so it must be able to take that back.
    """
    listed = _checksums(stream, about)
    executables = set(about.executables)
    for path, sha256 in listed.items():
        member = read_header(stream)
        if member is None or member.path != path:
            raise Damaged(f"{path} should come next, but it is {member.path if member else 'the end'}.")
        if member.time_s != about.built_s or member.executable != (path in executables):
            raise Damaged(f"The entry of {path} is not as it was signed.")
        digest = hashlib.sha256()
        sink.take(member, _hashed(contents(stream, member), digest.update))
        if digest.hexdigest() != sha256:
            raise Damaged(f"{path} has another checksum.")
    after = read_header(stream)
    if after is not None:
        raise Damaged(f"{after.path} is not in the list of checksums.")
    return listed


def _checksums(stream: BinaryIO, about: Metadata) -> dict[str, str]:
    member = read_header(stream)
    if member is None or member.path != CHECKSUMS or member.size_bytes > checksums.LARGEST_BYTES:
        raise Damaged("The list of checksums is not in its place.")
    raw = b"".join(contents(stream, member))
    if hashlib.sha256(raw).hexdigest() != about.checksums.sha256 or member.time_s != about.built_s or member.executable:
        raise Damaged("The list of checksums is not the one that was signed.")
    listed = checksums.parse(raw)
    if len(listed) != about.checksums.files:
        raise Damaged(f"The list names {len(listed)} files, the metadata {about.checksums.files}.")
    return listed


def _hashed(pieces: Iterator[bytes], update: Callable[[bytes], None]) -> Iterator[bytes]:
    for piece in pieces:
        update(piece)
        yield piece
