"""The models of a preset. Who knows the catalog and its sources is handed in: the installer imports nothing of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from installer.build.cache import Cache
from installer.build.failure import Unpinned
from installer.build.item import Item


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file of a model; the hash is None where the catalog has none."""

    path: str
    sha256: str | None
    size_bytes: int | None


@dataclass(frozen=True, slots=True)
class ModelWanted:
    """A model of the catalog."""

    id: str
    version: str
    licence: str
    files: tuple[ModelFile, ...]


class ModelSource(Protocol):
    """What knows the catalog."""

    def wanted(self, preset: str) -> Sequence[ModelWanted]:
        """Return the models of a preset that the site's licence policy allows."""

    def folder(self, model_id: str) -> Path:
        """Return the folder of a model, fetched if need be."""


def resolve_models(models: Sequence[ModelWanted]) -> list[Item]:
    """Return the files of models; Unpinned for one without hash."""
    return [_item(model, file) for model in models for file in model.files]


def _item(model: ModelWanted, file: ModelFile) -> Item:
    if file.sha256 is None:
        raise Unpinned(f"{model.id}/{file.path}: compare it with its publisher's, then ./meeshy models pin {model.id}.")
    size = -1 if file.size_bytes is None else file.size_bytes
    path = f"models/{model.id}/{file.path}"
    return Item("model", model.id, model.version, path, file.sha256, size, "", model.licence)


def fetch_models(items: Sequence[Item], source: ModelSource, cache: Cache) -> None:
    """Bring the models' files into the cache, by the catalog's own means."""
    for model_id in dict.fromkeys(item.name for item in items if not cache.holds(item.sha256, item.size_bytes)):
        folder = source.folder(model_id)
        for item in items:
            if item.name == model_id:
                cache.add(folder / item.path.removeprefix(f"models/{model_id}/"), item.sha256)
