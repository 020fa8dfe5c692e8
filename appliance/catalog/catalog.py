"""The list of all models, read from models/catalog.toml."""

import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from appliance.catalog.model import Model, SetName, Task
from appliance.errors import CatalogInvalid, NotFound

CHECKOUT = Path(__file__).resolve().parents[2]
"""The project's folder, where models/catalog.toml and the committed language packs lie."""

SETS: tuple[SetName, ...] = ("starter", "production", "test")


class Catalog:
    """Every model this appliance can use, by id."""

    def __init__(self, models: Iterable[Model], checkout: Path = CHECKOUT) -> None:
        """Keep the models in their order; `checkout` is where sources of kind `repository` lie."""
        self.checkout = checkout
        self._by_id: dict[str, Model] = {}
        for model in models:
            if model.id in self._by_id:
                raise CatalogInvalid(f"The catalog has two models named '{model.id}'.")
            self._by_id[model.id] = model

    @classmethod
    def load(cls, path: Path | None = None) -> "Catalog":
        """Return the catalog of a TOML file (the project's own by default) or raise CatalogInvalid naming the place."""
        path = path or CHECKOUT / "models" / "catalog.toml"
        try:
            return cls.parse(path.read_text(encoding="utf-8"), name=path.name)
        except OSError as error:
            raise CatalogInvalid(f"The model catalog {path} cannot be read: {error.strerror}.") from error

    @classmethod
    def parse(cls, text: str, name: str = "catalog", checkout: Path = CHECKOUT) -> "Catalog":
        """Return the catalog that a TOML text describes; every mistake is named with model, field and reason."""
        try:
            document = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise CatalogInvalid(f"{name} is not valid TOML: {error}.") from error
        unknown = sorted(set(document) - {"model"})
        if unknown:
            raise CatalogInvalid(f"{name}: '{unknown[0]}' is not known here; only [[model]] tables are.")
        entries = document.get("model", [])
        if not isinstance(entries, list):
            raise CatalogInvalid(f"{name}: write [[model]], not [model].")
        return cls([_read(name, place, entry) for place, entry in enumerate(entries, 1)], checkout)

    def __iter__(self) -> Iterator[Model]:
        """Yield the models in the catalog's order."""
        return iter(self._by_id.values())

    def __getitem__(self, model_id: str) -> Model:
        """Return one model or raise NotFound with the names there are."""
        if model_id not in self._by_id:
            raise NotFound(f"The catalog has no model '{model_id}'; it has: {', '.join(self._by_id)}.")
        return self._by_id[model_id]

    def of_set(self, name: str, task: Task | None = None) -> tuple[Model, ...]:
        """Return the models of a set, in order, only those of one task if given."""
        if name not in SETS:
            raise NotFound(f"There is no model set '{name}'; there are: {', '.join(SETS)}.")
        return tuple(m for m in self if name in m.sets and task in (None, m.task))

    def named(self, names: Iterable[str]) -> tuple[Model, ...]:
        """Return the models that names of sets or models stand for, each once, or raise NotFound."""
        found: dict[str, Model] = {}
        for name in names:
            for model in self.of_set(name) if name in SETS else (self[name],):
                found.setdefault(model.id, model)
        return tuple(found.values())


def _read(name: str, place: int, entry: Any) -> Model:
    label = entry.get("id", f"number {place}") if isinstance(entry, dict) else f"number {place}"
    try:
        return Model.model_validate(entry)
    except ValidationError as error:
        problems = "; ".join(_sentence(problem["loc"], problem["msg"]) for problem in error.errors())
        raise CatalogInvalid(f"{name}: model {label}: {problems}.") from error


def _sentence(location: tuple[int | str, ...], message: str) -> str:
    where = ".".join(str(part + 1) if isinstance(part, int) else part for part in location)
    return f"{where}: {message}" if where else message
