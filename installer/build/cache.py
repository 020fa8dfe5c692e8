"""Fetched files by their hash, outside the checkout: what is there is never fetched again."""

import contextlib
import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from installer.build.failure import ChecksumWrong
from installer.bundle.container import CHUNK_BYTES


class Cache:
    """A folder `sha256/ab/abcd...` of whole files, and `partial/abcd...` of files that are still arriving."""

    def __init__(self, root: Path) -> None:
        """Use `root`; it is made when something is written."""
        self.root = root

    @contextlib.contextmanager
    def alone(self, waits: Callable[[], None]) -> Iterator[None]:
        """Let no other process resolve or fetch here meanwhile; `waits` is called where one does.

        apt and pip keep folders of their own in the cache, and a file grows where a cut transfer left it. The kernel
        frees the lock however the process ends.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waits()
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def path(self, sha256: str) -> Path:
        """Return where a file with this hash lies or would lie."""
        return self.root / "sha256" / sha256[:2] / sha256

    def partial(self, sha256: str) -> Path:
        """Return where a file with this hash grows; its folder exists then."""
        place = self.root / "partial" / sha256
        place.parent.mkdir(parents=True, exist_ok=True)
        return place

    def holds(self, sha256: str, size_bytes: int = -1) -> bool:
        """Return whether the file is there with its size; what it holds is hashed again when a bundle is written."""
        try:
            found = self.path(sha256).stat().st_size
        except FileNotFoundError:
            return False
        return size_bytes in (-1, found)

    def add(self, file: Path, sha256: str) -> Path:
        """Take a file of this machine in, as a hard link where that is possible; ChecksumWrong for another file."""
        actual = sha256_of(file)
        if actual != sha256:
            raise ChecksumWrong(f"{file} has sha256 {actual} instead of {sha256}.")
        if self.holds(sha256, file.stat().st_size):
            return self.path(sha256)
        aside = self.partial(sha256).with_suffix(".adding")
        aside.unlink(missing_ok=True)
        try:
            os.link(file.resolve(), aside)
        except OSError:
            shutil.copyfile(file, aside)
        return self._settle(aside, sha256)

    def finish(self, sha256: str) -> Path:
        """Make the grown partial file a whole one; ChecksumWrong, and it begins anew, where it is another."""
        partial = self.partial(sha256)
        actual = sha256_of(partial)
        if actual != sha256:
            partial.unlink()
            raise ChecksumWrong(f"What arrived has sha256 {actual} instead of {sha256}.")
        return self._settle(partial, sha256)

    def discard(self, sha256: str) -> None:
        """Forget a file that turned out to be damaged."""
        with contextlib.suppress(FileNotFoundError):
            self.path(sha256).unlink()

    def _settle(self, file: Path, sha256: str) -> Path:
        place = self.path(sha256)
        place.parent.mkdir(parents=True, exist_ok=True)
        file.rename(place)
        return place


def sha256_of(path: Path) -> str:
    """Return the hex SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(CHUNK_BYTES):
            digest.update(piece)
    return digest.hexdigest()
