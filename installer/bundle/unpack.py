"""Puts the files of a verified bundle into a folder of their own."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from installer.bundle.container import Member, safe_path
from installer.bundle.reader import CHECKSUMS, METADATA, SIGNATURE, read_front, read_payload
from installer.bundle.refusal import Damaged, MemberRefused, TargetInTheWay
from installer.bundle.space import FreeBytes, free_bytes, require_space
from installer.bundle.verify import Say, Site, Verified, verify

APT_KEY = "debs/meeshy-archive-key.gpg"
APT_SIGNATURE = "debs/Release.gpg"
BLOCK_BYTES = 4096


def unpack(path: Path, target: Path, site: Site, say: Say, free: FreeBytes = free_bytes) -> Verified:
    """Verify a bundle and then unpack it; `target` appears in one step, complete, or not at all.

    The whole bundle is read before the first byte is written, and again while it is written. Raises what `verify`
    does, TargetInTheWay if `target` exists, and NoSpace.
    """
    if os.path.lexists(target):
        raise TargetInTheWay(f"{target} exists; give a folder that does not.")
    with path.open("rb") as stream:
        verified = verify(stream, site, say)
        require_space(target, _disk_bytes(verified), free)
        staging = target.with_name(f".{target.name}.unpacking")
        _discard(staging)
        target.parent.mkdir(parents=True, exist_ok=True)
        staging.mkdir(mode=0o700)
        try:
            _fill(stream, staging, verified)
            staging.chmod(0o755)
            os.sync()  # a power cut must not leave the name without the contents
            _appear(staging, target)
        except BaseException:
            _discard(staging)
            raise
    say(f"unpacked: {len(verified.sha256_by_path)} files to {target}")
    return verified


def _fill(stream: BinaryIO, staging: Path, verified: Verified) -> None:
    stream.seek(0)
    front = read_front(stream)
    if front != verified.front:
        raise Damaged("The bundle changed while it was read.")
    folder = _Folder(staging)
    listed = read_payload(stream, verified.about, folder)
    folder.write(METADATA, front.raw)
    folder.write(SIGNATURE, front.slot)
    folder.write(CHECKSUMS, b"".join(f"{sha256}  {name}\n".encode() for name, sha256 in listed.items()))
    if verified.signature.apt_signature:
        folder.write(APT_KEY, verified.signature.apt_key)
        folder.write(APT_SIGNATURE, verified.signature.apt_signature)


class _Folder:
    """A sink that makes files below one folder that nobody else writes to."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def take(self, member: Member, pieces: Iterator[bytes]) -> None:
        """Write one file, with its modification time and whether it can be run."""
        # The reader has judged the path; whoever writes asks again, since all else rests on it.
        if not safe_path(member.path):
            raise MemberRefused(f"{member.path!r} is no path inside a bundle.")
        place = self.root / member.path
        self._folders(place.parent)
        mode = 0o755 if member.executable else 0o644
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with os.fdopen(os.open(place, flags, mode), "wb") as file:
            for piece in pieces:
                file.write(piece)
            os.fchmod(file.fileno(), mode)
        os.utime(place, (member.time_s, member.time_s))

    def _folders(self, folder: Path) -> None:
        """Make the folders down to this one; apt reads the repository as a user of its own, whatever umask root has."""
        if not folder.exists():
            self._folders(folder.parent)
            folder.mkdir()
            folder.chmod(0o755)

    def write(self, path: str, raw: bytes) -> None:
        """Write one of the files that belong to the bundle itself."""
        self.take(Member(path, len(raw), 0), iter([raw]))


def _appear(staging: Path, target: Path) -> None:
    try:
        staging.rename(target)
    except OSError as error:
        raise TargetInTheWay(f"{target}: {error.strerror}.") from None


def _disk_bytes(verified: Verified) -> int:
    """Return what the files take on a disk of 4 KiB blocks."""
    return verified.about.checksums.size_bytes + BLOCK_BYTES * len(verified.sha256_by_path)


def _discard(staging: Path) -> None:
    if staging.is_symlink():
        staging.unlink()
    elif staging.exists():
        shutil.rmtree(staging)
