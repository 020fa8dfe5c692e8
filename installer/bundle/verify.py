"""Judges a bundle: who signed it, whether it fits this place, and whether every byte is the signed one."""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from installer.bundle.container import Member
from installer.bundle.host import check_host
from installer.bundle.keys import TrustedKey
from installer.bundle.metadata import Host, Metadata
from installer.bundle.reader import Front, read_front, read_payload
from installer.bundle.refusal import Damaged, Truncated
from installer.bundle.signature import Signature
from installer.bundle.versions import Release, check_succession

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Site:
    """What a bundle is judged by: trusted keys, what is installed (None: nothing), and the machine (None: any)."""

    keys: Mapping[str, TrustedKey]
    installed: Release | None = None
    host: Host | None = None


@dataclass(frozen=True, slots=True)
class Verified:
    """A bundle that passed, its files' hashes by path, and the key that vouches for it."""

    front: Front
    about: Metadata
    key: TrustedKey
    signature: Signature
    sha256_by_path: Mapping[str, str]


class Nowhere:
    """A sink that keeps nothing."""

    def take(self, member: Member, pieces: Iterator[bytes]) -> None:
        """Draw all pieces."""
        for _ in pieces:
            pass


def verify(stream: BinaryIO, site: Site, say: Say) -> Verified:
    """Return what a whole bundle is, or raise the BundleRefused that stopped it; nothing is written.

    The signature comes first, then version and machine, and only then the gigabytes. `say` gets one line per phase,
    for the auditor's log. The stream must be seekable and stands at the bundle's end afterwards.
    """
    stream.seek(0)
    front = read_front(stream)
    about, key, signature = judge(front, site, say)
    _check_length(stream, front, about)
    listed = read_payload(stream, about, Nowhere())
    say(f"checksums: {len(listed)} files verified, {about.checksums.size_bytes} bytes, signed by {key.id}")
    return Verified(front, about, key, signature, listed)


def judge(front: Front, site: Site, say: Say) -> tuple[Metadata, TrustedKey, Signature]:
    """Return the metadata once signature, version and machine are found right."""
    about, key, signature = front.check(site.keys)
    say(f"signature: {about.title} is signed by {key.id} {key.owner}".rstrip())
    check_succession(site.installed, about.release, about.upgrade_oldest, about.required_stops)
    installed = f"follows {site.installed.version}" if site.installed else "nothing is installed"
    say(f"version: {about.version}, {installed}")
    if site.host is not None:
        check_host(about.host, site.host)
        say(f"machine: {about.host.os}, {about.host.architecture}, Python {about.host.python}")
    return about, key, signature


def verify_file(path: Path, site: Site, say: Say) -> Verified:
    """Judge the bundle in a file."""
    with path.open("rb") as stream:
        return verify(stream, site, say)


def _check_length(stream: BinaryIO, front: Front, about: Metadata) -> None:
    here = stream.tell()
    have, want = stream.seek(0, os.SEEK_END), front.bytes_before_payload + about.payload_bytes
    stream.seek(here)
    if have < want:
        raise Truncated(f"It has {have} of {want} bytes.")
    if have > want:
        raise Damaged(f"It has {have} bytes instead of {want}.")
