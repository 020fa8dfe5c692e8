"""Which Argos language packs are installed in a folder: install, list and remove, safe between processes.

Layout of the folder: `packages/NAME/` one complete pack each, `staging/` unfinished work, `lock`, and `revision`, a
token that changes with every change. A pack is unpacked and tried out in staging and then renamed into place, so a
crash leaves either the old state or the new one. While an older pack of the same pair still stands beside the new one
(a crash between rename and removal), the newest counts.
"""

import fcntl
import hashlib
import json
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from appliance.engines import argos_library
from appliance.engines.argos_archive import SPLITTER_FOLDERS, check_archive
from appliance.errors import ModelCorrupt, ModelMissing, NotFound, PackRefused

RECORD = "meeshy.json"
"""Written into each pack at installation: its files' hashes and when it came."""
_ABANDONED_AFTER_S = 3600.0
"""No unpacking takes an hour: what is older in staging was left by a process that died."""

# Argos codes that are not BCP-47, or that this appliance and Whisper know under another primary tag.
_BCP47 = {"zt": "zh-Hant", "pb": "pt-BR", "nb": "no"}


@dataclass(frozen=True, slots=True)
class Pack:
    """An installed pack: its pair in BCP-47, its grade, and the hash over all files that shape its output."""

    source: str
    target: str
    quality: Literal["starter", "standard"]
    version: str
    sha256: str
    model_bytes: int
    folder: Path

    @property
    def name(self) -> str:
        """Return the pair and version, as receipts show it."""
        return f"{self.source}>{self.target} {self.version}".strip()


class ArgosPacks:
    """The packs of one folder. Cheap to ask often: the folder is read again only after a change by any process."""

    def __init__(self, folder: Path, *, try_out: Callable[[Path], None] | None = None) -> None:
        """Keep the folder, made at the first installation; `try_out` loads a new pack and raises if it cannot."""
        self._folder = folder
        self._try_out = try_out
        self._seen: tuple[str, tuple[Pack, ...]] | None = None

    def installed(self) -> tuple[Pack, ...]:
        """Return the packs that count, one per pair, ordered by pair; raise ModelCorrupt where a folder is none."""
        revision = self._revision()
        seen = self._seen
        if seen is not None and seen[0] == revision:
            return seen[1]
        with self._locked(fcntl.LOCK_SH) as held:
            packs = self._read() if held else ()
            self._seen = (self._revision(), packs)
        return packs

    def pairs(self) -> frozenset[tuple[str, str]]:
        """Return the (source, target) pairs that some pack translates directly."""
        return frozenset((pack.source, pack.target) for pack in self.installed())

    def find(self, source: str, target: str) -> Pack | None:
        """Return the pack for exactly this pair, or None."""
        return next((p for p in self.installed() if (p.source, p.target) == (source, target)), None)

    def install(self, archive: Path) -> Pack:
        """Install an `.argosmodel` in place of any pack of the same pair and return the pack that now serves the pair.

        A starter pack never takes the place of a standard one, and the same files twice change nothing: the pack that
        stands is returned. Raises PackRefused, with nothing changed, for a file that is no safe, working pack.
        """
        check_archive(archive)
        for folder in (self._packages, self._staging):
            folder.mkdir(parents=True, exist_ok=True)
        self._sweep()
        scratch = Path(tempfile.mkdtemp(dir=self._staging))
        try:
            unpacked = self._unpack(archive, scratch)
            return self._put_in_place(unpacked)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def remove(self, source: str, target: str) -> None:
        """Remove the pack of a pair; raise NotFound where there is none."""
        with self._locked(fcntl.LOCK_EX) as held:
            standing = [p for p in self._everything() if (p.source, p.target) == (source, target)] if held else []
            if not standing:
                raise NotFound(f"No language pack {source}>{target} is installed.")
            for pack in standing:
                self._discard(pack)
            self._changed()

    @property
    def _packages(self) -> Path:
        return self._folder / "packages"

    @property
    def _staging(self) -> Path:
        return self._folder / "staging"

    def _unpack(self, archive: Path, scratch: Path) -> Path:
        try:
            unpacked = argos_library.install_archive(archive, scratch)
        except OSError as error:
            raise PackRefused(f"{archive.name} could not be unpacked: {error}.") from error
        for name in SPLITTER_FOLDERS:
            shutil.rmtree(unpacked / name, ignore_errors=True)
        (unpacked / RECORD).unlink(missing_ok=True)
        if self._try_out is not None:
            self._try_out(unpacked)
        record = {"files": hash_files(unpacked), "installed_ns": time.time_ns()}
        (unpacked / RECORD).write_text(json.dumps(record, indent=1), encoding="utf-8")
        return unpacked

    def _put_in_place(self, unpacked: Path) -> Pack:
        fresh = _describe(argos_library.open_package(unpacked))
        with self._locked(fcntl.LOCK_EX, create=True):
            rivals = [p for p in self._everything() if (p.source, p.target) == (fresh.source, fresh.target)]
            for standing in _newest_per_pair(rivals):
                worse = fresh.quality == "starter" and standing.quality == "standard"
                if worse or standing.sha256 == fresh.sha256:
                    return standing
            place = self._packages / f"translate-{fresh.source}_{fresh.target}-{uuid.uuid4().hex[:12]}"
            unpacked.rename(place)
            for old in rivals:
                self._discard(old)
            self._changed()
        return replace(fresh, folder=place)

    def _discard(self, pack: Pack) -> None:
        # Out of `packages` in one step first, so that no reader without the lock meets half a pack.
        grave = self._staging / f"removed-{uuid.uuid4().hex}"
        pack.folder.rename(grave)
        argos_library.uninstall(argos_library.open_package(grave))

    def _sweep(self) -> None:
        for left in self._staging.iterdir():
            # Another process may be sweeping or finishing the same entry.
            try:
                abandoned = time.time() - left.stat().st_mtime > _ABANDONED_AFTER_S
            except FileNotFoundError:
                continue
            if abandoned:
                shutil.rmtree(left, ignore_errors=True)

    def _read(self) -> tuple[Pack, ...]:
        return tuple(sorted(_newest_per_pair(self._everything()), key=lambda pack: (pack.source, pack.target)))

    def _everything(self) -> list[Pack]:
        if not self._packages.is_dir():
            return []
        try:
            return [_describe(package) for package in argos_library.installed_packages(self._packages)]
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelCorrupt(f"A folder in {self._packages} is not a complete language pack: {error}.") from error

    def _revision(self) -> str:
        try:
            return (self._folder / "revision").read_text(encoding="ascii")
        except FileNotFoundError:
            return ""

    def _changed(self) -> None:
        fresh = self._staging / f"revision-{uuid.uuid4().hex}"
        fresh.write_text(uuid.uuid4().hex, encoding="ascii")
        fresh.replace(self._folder / "revision")

    @contextmanager
    def _locked(self, how: int, *, create: bool = False) -> Iterator[bool]:
        """Hold the folder's lock; yield False, without a lock, where nothing was ever installed."""
        path = self._folder / "lock"
        if create:
            path.touch()
        try:
            # Reading rights are enough for flock, so a worker may have the folder read-only.
            file = path.open("rb")
        except FileNotFoundError:
            yield False
            return
        with file:
            fcntl.flock(file, how)
            yield True


def hash_files(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file of a pack that shapes its output, by path relative to the pack."""
    hashes: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and (name.startswith("model/") or name in {"sentencepiece.model", "bpe.model"}):
            with path.open("rb") as file:
                hashes[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return hashes


def verify_files(pack: Pack) -> None:
    """Raise ModelCorrupt if any file of the pack is not what was installed, ModelMissing if the pack is gone."""
    if not pack.folder.is_dir():
        raise ModelMissing(f"The language pack {pack.name} is no longer installed.")
    recorded = _record(pack.folder)["files"]
    found = hash_files(pack.folder)
    wrong = sorted(name for name in recorded.keys() | found.keys() if recorded.get(name) != found.get(name))
    if wrong:
        raise ModelCorrupt(f"The language pack {pack.name} has changed since it was installed: {', '.join(wrong)}.")


def bcp47(argos_code: str) -> str:
    """Return the BCP-47 tag of an Argos language code (`zt` is zh-Hant, `pb` is pt-BR)."""
    return _BCP47.get(argos_code, argos_code)


def _record(folder: Path) -> dict[str, Any]:
    try:
        record: dict[str, Any] = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except FileNotFoundError:
        # Put there by argospm or by hand: nothing to compare with but the files themselves.
        return {"files": hash_files(folder), "installed_ns": 0}
    return record


def _describe(package: Any) -> Pack:
    folder: Path = package.package_path
    record = _record(folder)
    metadata = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))
    together = "".join(f"{name} {sha256}\n" for name, sha256 in sorted(record["files"].items()))
    return Pack(
        source=bcp47(package.from_code),
        target=bcp47(package.to_code),
        quality="starter" if metadata.get("meeshy_quality") == "starter" else "standard",
        version=package.package_version,
        sha256=hashlib.sha256(together.encode()).hexdigest(),
        model_bytes=(folder / "model" / "model.bin").stat().st_size,
        folder=folder,
    )


def _newest_per_pair(packs: list[Pack]) -> list[Pack]:
    by_age = sorted(packs, key=lambda pack: int(_record(pack.folder)["installed_ns"]))
    return list({(pack.source, pack.target): pack for pack in by_age}.values())
