"""SHA-256 of files, remembered for as long as a file's size and modification time stay the same."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

BLOCK_BYTES = 1 << 20


def sha256_of(path: Path) -> str:
    """Return the hex SHA-256 of a file's contents."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


class HashMemory:
    """Hashes of the files under one folder, kept in a small JSON file there.

    A model of 145 MB takes 0.1 to 0.5 s to hash; every process start would pay that for every model. What the memory
    cannot see is a change that restores size and nanosecond modification time: `fresh=True` reads the file anyway.
    """

    def __init__(self, root: Path, hasher: Callable[[Path], str] = sha256_of) -> None:
        """Remember hashes of files under `root` in `root/.verified.json`; `hasher` does the reading."""
        self._root = root
        self._file = root / ".verified.json"
        self._hasher = hasher

    def sha256(self, path: Path, *, fresh: bool = False) -> str:
        """Return the file's hash, read only if it is not remembered or `fresh`."""
        return self.sha256_of_all([path], fresh=fresh)[path]

    def sha256_of_all(self, paths: list[Path], *, fresh: bool = False) -> dict[Path, str]:
        """Return the hash of each file; the memory is written at most once."""
        known = self._load()
        hashes: dict[Path, str] = {}
        changed = False
        for path in paths:
            stat = path.stat()
            key = path.relative_to(self._root).as_posix()
            remembered = known.get(key)
            if not fresh and remembered and remembered[:2] == [stat.st_size, stat.st_mtime_ns]:
                hashes[path] = str(remembered[2])
                continue
            hashes[path] = self._hasher(path)
            entry = [stat.st_size, stat.st_mtime_ns, hashes[path]]
            changed = changed or entry != remembered
            known[key] = entry
        if changed:
            self._save(known)
        return hashes

    def _load(self) -> dict[str, list[int | str]]:
        # A memory that is missing or damaged costs one reading of the files, nothing else.
        try:
            known = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        if not isinstance(known, dict):
            return {}
        return {key: entry for key, entry in known.items() if isinstance(entry, list) and len(entry) == 3}

    def _save(self, known: dict[str, list[int | str]]) -> None:
        present = {key: entry for key, entry in known.items() if (self._root / key).exists()}
        partial = self._file.with_name(f"{self._file.name}.{os.getpid()}")
        try:
            partial.write_text(json.dumps(present, indent=0, sort_keys=True), encoding="utf-8")
            partial.replace(self._file)
        except OSError:
            # A models folder that is mounted read-only still works: its files are read again at each start.
            partial.unlink(missing_ok=True)
