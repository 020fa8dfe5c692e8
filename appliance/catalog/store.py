"""Where models lie on this machine, whether they are whole, and the only way an engine gets a path to one."""

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from appliance.catalog.catalog import Catalog
from appliance.catalog.hashing import HashMemory, sha256_of
from appliance.catalog.lock import models_lock
from appliance.catalog.model import Model, ModelFile
from appliance.catalog.pins import SitePins
from appliance.errors import LicenceRefused, ModelCorrupt, ModelMissing, ModelUnpinned
from appliance.settings import Settings

State = Literal["installed", "missing", "corrupt", "unpinned"]


@dataclass(frozen=True, slots=True)
class FileReport:
    """One file's state; `expected` is the catalog's or the site's hash, `actual` what the file has, both hex."""

    path: str
    state: State
    expected: str | None = None
    actual: str | None = None


@dataclass(frozen=True, slots=True)
class ModelReport:
    """One model's state, which is that of its worst file."""

    model_id: str
    files: tuple[FileReport, ...]

    @property
    def worst(self) -> FileReport:
        """Return the first file in the worst state: `missing`, then `corrupt`, `unpinned`, `installed`."""
        order: tuple[State, ...] = ("missing", "corrupt", "unpinned", "installed")
        return min(self.files, key=lambda file: order.index(file.state))

    @property
    def state(self) -> State:
        """Return the worst file's state."""
        return self.worst.state


class ModelStore:
    """The models of one models folder, seen through the catalog and the site's licence policy."""

    def __init__(
        self, settings: Settings, catalog: Catalog | None = None, hasher: Callable[[Path], str] = sha256_of
    ) -> None:
        """Look after `settings.models_dir`; nothing is read or made until it is needed."""
        self.settings = settings
        self.catalog = catalog or Catalog.load()
        self.root = settings.models_dir.absolute()
        self.pins = SitePins(self.root / "pins.json")
        self._memory = HashMemory(self.root, hasher)

    def folder(self, model_id: str) -> Path:
        """Return where a model lies or would lie."""
        return self.root / self.catalog[model_id].id

    def expected_sha256(self, model: Model, file: ModelFile) -> str | None:
        """Return the hash a file must have: the catalog's, else the site's pin, else None."""
        return file.sha256 or self.pins.get(model.id, file.path)

    def present(self, model_id: str) -> bool:
        """Return whether all files are there with their sizes; contents are not read."""
        folder, model = self.folder(model_id), self.catalog[model_id]
        return all(_has_size(folder / file.path, file.size_bytes) for file in model.files)

    def check(self, model_id: str, *, fresh: bool = False) -> ModelReport:
        """Return the state of every file; hashes remembered for an unchanged file are used unless `fresh`."""
        model, folder = self.catalog[model_id], self.folder(model_id)
        present = [folder / file.path for file in model.files if (folder / file.path).is_file()]
        hashes = self._memory.sha256_of_all(present, fresh=fresh)
        files = tuple(self._judge(model, file, hashes.get(folder / file.path)) for file in model.files)
        return ModelReport(model.id, files)

    def _judge(self, model: Model, file: ModelFile, actual: str | None) -> FileReport:
        expected = self.expected_sha256(model, file)
        if actual is None:
            return FileReport(file.path, "missing", expected)
        if expected is None:
            return FileReport(file.path, "unpinned", None, actual)
        return FileReport(file.path, "installed" if actual == expected else "corrupt", expected, actual)

    def check_licence(self, model_id: str) -> None:
        """Raise LicenceRefused where the site's policy forbids the model."""
        model = self.catalog[model_id]
        if self.settings.licence == "commercial" and not model.commercial:
            raise LicenceRefused(
                f"{model.id} is under {model.licence}, which forbids commercial use; "
                "set MEESHY_LICENCE=evaluation if this site may use it."
            )

    def require(self, model_id: str) -> Path:
        """Return the folder of a model that may be loaded, every file checked against its hash.

        Raises LicenceRefused, ModelMissing, ModelCorrupt or ModelUnpinned with what to do about it, NotFound for an
        id that the catalog does not have.
        """
        self.check_licence(model_id)
        worst = self.check(model_id).worst
        match worst.state:
            case "missing":
                raise ModelMissing(f"The model {model_id} is not installed; run ./meeshy models pull {model_id}.")
            case "corrupt":
                raise ModelCorrupt(
                    f"{model_id}/{worst.path} has sha256 {worst.actual} instead of {worst.expected}; "
                    f"run ./meeshy models pull {model_id} to replace it."
                )
            case "unpinned":
                raise ModelUnpinned(
                    f"The hash of {model_id}/{worst.path} is not in the catalog; compare the file with its "
                    f"publisher's, then run ./meeshy models pin {model_id}."
                )
        return self.folder(model_id)

    def fingerprint(self, model_id: str) -> str:
        """Return one hex SHA-256 for the model as the catalog and the pins demand it: that of its only file, or of
        the sorted lines `sha256 path` of all files."""
        model = self.catalog[model_id]
        return fingerprint([(file.path, self.expected_sha256(model, file) or "") for file in model.files])

    def remove(self, model_id: str) -> bool:
        """Delete a model's files and its half-finished downloads; return whether there was anything."""
        folder, staging = self.folder(model_id), self.staging(model_id)
        with models_lock(self.root):
            found = folder.exists() or staging.exists()
            if folder.exists():
                # First out of the way in one step, so that nobody can load half of it.
                staging.mkdir(parents=True, exist_ok=True)
                folder.rename(staging / "removed")
            shutil.rmtree(staging, ignore_errors=True)
        return found

    def staging(self, model_id: str) -> Path:
        """Return where a model is put together: beside the models, so that a rename finishes it."""
        return self.root / ".staging" / self.catalog[model_id].id

    def pin(self, model_id: str, folder: Path | None = None) -> dict[str, str]:
        """Trust the files of a folder (the installed ones by default) and return their hashes by path.

        Only files whose hash the catalog does not know are pinned; one that contradicts the catalog raises
        ModelCorrupt, an absent one ModelMissing, and nothing is pinned then.
        """
        model, source = self.catalog[model_id], folder or self.folder(model_id)
        pins: dict[str, str] = {}
        for file in model.files:
            path = source / file.path
            if not path.is_file():
                raise ModelMissing(f"{path} does not exist, so {model_id} cannot be pinned from there.")
            actual = sha256_of(path)
            if file.sha256 is None:
                pins[file.path] = actual
            elif actual != file.sha256:
                raise ModelCorrupt(f"{path} has sha256 {actual} instead of the catalog's {file.sha256}.")
        if pins:
            with models_lock(self.root):
                self.pins.put(model.id, pins)
        return pins


def fingerprint(files: list[tuple[str, str]]) -> str:
    """Return one hash for (path, sha256) pairs: the hash itself where there is one file."""
    if len(files) == 1:
        return files[0][1]
    lines = "".join(f"{sha256} {path}\n" for path, sha256 in sorted(files))
    return hashlib.sha256(lines.encode()).hexdigest()


def _has_size(path: Path, size_bytes: int | None) -> bool:
    return path.is_file() and (size_bytes is None or path.stat().st_size == size_bytes)
