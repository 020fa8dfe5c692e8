"""Signs a built bundle in its place: the 4096 bytes kept free for it change and nothing else."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from installer.build.failure import BuildFailed
from installer.build.openpgp import certificate, detached_signature
from installer.bundle import ed25519
from installer.bundle.container import BLOCK_BYTES, Member, stored_bytes
from installer.bundle.keys import TrustedKey
from installer.bundle.metadata import parse_metadata
from installer.bundle.reader import Front, read_front, read_payload
from installer.bundle.signature import Signature, signed_message
from installer.bundle.verify import Nowhere

RELEASE = "debs/Release"


class SigningKey(Protocol):
    """A private key, wherever it is kept."""

    @property
    def trusted(self) -> TrustedKey:
        """Return the public half, as sites get it."""

    def sign(self, message: bytes) -> bytes:
        """Return the Ed25519 signature of 64 bytes."""


class _Release(Nowhere):
    """A sink that keeps the repository's Release file."""

    raw = b""

    def take(self, member: Member, pieces: Iterator[bytes]) -> None:
        """Draw all pieces and keep those of the one file."""
        if member.path == RELEASE:
            self.raw = b"".join(pieces)
        else:
            super().take(member, pieces)


def sign(path: Path, key: SigningKey) -> Front:
    """Read a bundle through, sign it with `key`, and return its front; an older signature is replaced.

    Nobody signs what is damaged: raises what reading raises, and BuildFailed if the key signs with another.
    """
    with path.open("r+b") as file:
        front = read_front(file)
        about = parse_metadata(front.raw)
        release = _Release()
        read_payload(file, about, release)
        public = key.trusted.public
        apt_key = apt_signature = b""
        if release.raw:
            apt_key = certificate(public, key.trusted.owner, key.sign)
            apt_signature = detached_signature(public, release.raw, about.built_s, key.sign)
        message = signed_message(front.raw, apt_key, apt_signature)
        raw = key.sign(message)
        if not ed25519.verify(public, message, raw):
            raise BuildFailed("The private key does not belong to the public one.")
        slot = Signature(key.trusted.id, raw, apt_key, apt_signature).slot()
        file.seek(stored_bytes(len(front.raw)) + BLOCK_BYTES)
        file.write(slot)
        file.flush()
        os.fsync(file.fileno())
    return Front(front.raw, slot, front.time_s)
