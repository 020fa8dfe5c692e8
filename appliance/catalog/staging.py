"""The folder in which one model is put together before it is installed in one step."""

import hashlib
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from appliance.catalog.hashing import BLOCK_BYTES, sha256_of
from appliance.catalog.model import ModelFile
from appliance.errors import ModelCorrupt


class Staging:
    """Verified files of a model in `files/`, verified archives in `archives/`, everything else in `work/`.

    What lies in the first two has been checked and may be used by a later pull; names there appear by rename only.
    """

    def __init__(self, root: Path) -> None:
        """Use `root`, on the same file system as the models."""
        self.root = root
        self.files = root / "files"
        self.archives = root / "archives"
        self.work = root / "work"

    def prepare(self) -> None:
        """Make the folders."""
        for folder in (self.files, self.archives, self.work):
            folder.mkdir(parents=True, exist_ok=True)

    def scratch(self, name: str) -> Path:
        """Return a new empty folder for one client's run."""
        folder = self.work / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def holds(self, file: ModelFile, sha256: str | None) -> bool:
        """Return whether the file is already here with the demanded hash (any contents where there is none)."""
        path = self.files / file.path
        return path.is_file() and (sha256 is None or sha256_of(path) == sha256)

    def accept(self, file: ModelFile, candidate: Path, sha256: str | None) -> None:
        """Move a candidate among the verified files, or delete it and raise ModelCorrupt with both hashes."""
        accept(candidate, self.files / file.path, sha256, file.path)

    def join(self, file: ModelFile, parts: Iterable[IO[bytes]], sha256: str | None) -> None:
        """Write the parts one after the other as the file; raise ModelCorrupt if the whole has another hash."""
        candidate = self.work / "joined"
        digest = hashlib.sha256()
        with candidate.open("wb") as whole:
            for part in parts:
                while block := part.read(BLOCK_BYTES):
                    digest.update(block)
                    whole.write(block)
        _settle(candidate, self.files / file.path, digest.hexdigest(), sha256, file.path)

    def clear(self) -> None:
        """Delete everything here."""
        shutil.rmtree(self.root, ignore_errors=True)


def accept(candidate: Path, target: Path, sha256: str | None, name: str) -> None:
    """Rename a candidate to its target if its hash is the demanded one, else delete it and raise ModelCorrupt."""
    _settle(candidate, target, sha256_of(candidate) if sha256 else "", sha256, name)


def _settle(candidate: Path, target: Path, actual: str, expected: str | None, name: str) -> None:
    if expected is not None and actual != expected:
        candidate.unlink()
        raise ModelCorrupt(f"{name} came with sha256 {actual} instead of {expected}")
    target.parent.mkdir(parents=True, exist_ok=True)
    candidate.replace(target)
