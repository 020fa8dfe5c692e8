"""Judges a bundle that was unpacked: on a node to which the folder was copied, or long afterwards."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from installer.bundle import checksums
from installer.bundle.container import CHUNK_BYTES
from installer.bundle.inspect import front_of
from installer.bundle.reader import CHECKSUMS, METADATA, SIGNATURE
from installer.bundle.refusal import Damaged, MemberRefused, Truncated
from installer.bundle.unpack import APT_KEY, APT_SIGNATURE
from installer.bundle.verify import Say, Site, Verified, judge


def verify_folder(folder: Path, site: Site, say: Say) -> Verified:
    """Return what the folder holds, every file with its signed hash and none besides; raises as `verify` does."""
    front = front_of(folder)
    about, key, signature = judge(front, site, say)
    raw = _bytes(folder / CHECKSUMS)
    if hashlib.sha256(raw).hexdigest() != about.checksums.sha256:
        raise Damaged("The list of checksums is not the one that was signed.")
    listed = checksums.parse(raw)
    own = {METADATA: front.raw, SIGNATURE: front.slot, CHECKSUMS: raw}
    if signature.apt_signature:
        own |= {APT_KEY: signature.apt_key, APT_SIGNATURE: signature.apt_signature}
    _check_names(folder, set(listed) | set(own))
    for path, contents in own.items():
        if _bytes(folder / path) != contents:
            raise Damaged(f"{path} is not the one that was signed.")
    for path, sha256 in listed.items():
        if _sha256(folder / path) != sha256:
            raise Damaged(f"{path} has another checksum.")
    say(f"checksums: {len(listed)} files verified, {about.checksums.size_bytes} bytes, signed by {key.id}")
    return Verified(front, about, key, signature, listed)


def _check_names(folder: Path, wanted: set[str]) -> None:
    found = set(_files(folder))
    strange, missing = sorted(found - wanted), sorted(wanted - found)
    if strange:
        raise MemberRefused(f"{strange[0]} does not belong to it.")
    if missing:
        raise Truncated(f"{missing[0]} is missing.")


def _files(folder: Path) -> Iterator[str]:
    for place, folders, names in os.walk(folder):
        for name in [*names, *(each for each in folders if (Path(place) / each).is_symlink())]:
            path = Path(place) / name
            if path.is_symlink() or not path.is_file():
                raise MemberRefused(f"{path.relative_to(folder)} is no file.")
            yield path.relative_to(folder).as_posix()


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise Truncated(f"{path.name} is missing.") from None


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(CHUNK_BYTES):
            digest.update(piece)
    return digest.hexdigest()
