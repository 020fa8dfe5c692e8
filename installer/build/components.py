"""`components.toml`: what goes into a bundle."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from installer.build.failure import ComponentsInvalid
from installer.bundle.metadata import CUDA_FLAVOURS, Host

OBJECT_STORES = ("seaweedfs", "minio", "silo", "external")


@dataclass(frozen=True, slots=True)
class EnvironmentWanted:
    """A virtual environment of the target: its locks, its CUDA flavour with that one's further locks, and names of
    modules that must import once it is installed."""

    name: str
    locks: tuple[str, ...]
    cuda: str
    cuda_locks: Mapping[str, tuple[str, ...]]
    imports: tuple[str, ...]
    optional: bool

    def locks_in_force(self) -> tuple[str, ...]:
        """Return the locks with those of the flavour."""
        return (*self.locks, *self.cuda_locks.get(self.cuda, ()))


@dataclass(frozen=True, slots=True)
class Binary:
    """A program or collection that the customer or vendor supplies as a file, pinned by its hash."""

    name: str
    version: str
    licence: str
    file: Path
    sha256: str


@dataclass(frozen=True, slots=True)
class Components:
    """All of `components.toml`, with the release engineer's choices applied."""

    folder: Path
    host: Host
    interpreter: str
    product_paths: tuple[str, ...]
    product_licence: str
    upgrade_oldest: str
    required_stops: tuple[str, ...]
    preset: str
    object_store: str
    object_store_lock: str
    object_store_binary: Binary | None
    environments: tuple[EnvironmentWanted, ...]
    debian_roles: Mapping[str, tuple[str, ...]]
    collections: tuple[Binary, ...]
    source_offer: str
    text: bytes = field(repr=False, default=b"")

    @property
    def debian_packages(self) -> tuple[str, ...]:
        """Return the packages of all roles, each once."""
        return tuple(sorted({package for packages in self.debian_roles.values() for package in packages}))

    def lock_file(self, name: str) -> Path:
        """Return where a lock lies, or raise ComponentsInvalid."""
        path = self.folder / "locks" / f"{name}.txt"
        if not path.is_file():
            raise ComponentsInvalid(f"The lock {name} is named, but {path} does not exist.")
        return path


@dataclass(frozen=True, slots=True)
class Choices:
    """What the release engineer chooses for one bundle; None leaves what `components.toml` says."""

    preset: str | None = None
    object_store: str | None = None
    cuda: Mapping[str, str] = field(default_factory=dict)
    optional: frozenset[str] = frozenset()


def read_components(path: Path, choices: Choices | None = None) -> Components:
    """Return what a file asks for, with the choices applied; ComponentsInvalid names the place of a mistake."""
    choices = choices or Choices()
    try:
        raw = path.read_bytes()
        document = tomllib.loads(raw.decode())
        return _read(path.parent, document, choices, raw)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ComponentsInvalid(f"{path}: {error}.") from None
    except KeyError as error:
        raise ComponentsInvalid(f"{path}: {error.args[0]} is missing.") from None
    except (TypeError, ValueError) as error:
        raise ComponentsInvalid(f"{path}: {error}.") from None


def _read(folder: Path, document: dict[str, Any], choices: Choices, raw: bytes) -> Components:
    known = {"host", "product", "upgrade", "models", "object_store", "environment", "debian", "collection", "licences"}
    _only(document, known, "components.toml")
    host = _only(document["host"], {"os", "architecture", "python", "interpreter"}, "host")
    store = document["object_store"]
    kind = choices.object_store or store["kind"]
    if kind not in OBJECT_STORES:
        raise ValueError(f"object_store.kind is {kind!r}; there are {', '.join(OBJECT_STORES)}")
    return Components(
        folder=folder,
        host=Host(host["os"], host["architecture"], host["python"]),
        interpreter=host["interpreter"],
        product_paths=tuple(document["product"]["paths"]),
        product_licence=document["product"]["licence"],
        upgrade_oldest=document["upgrade"]["oldest"],
        required_stops=tuple(document["upgrade"]["required_stops"]),
        preset=choices.preset or document["models"]["preset"],
        object_store=kind,
        object_store_lock=store["seaweedfs"]["lock"] if kind == "seaweedfs" else "",
        object_store_binary=_binary(folder, {"name": kind, **store[kind]}) if kind in ("minio", "silo") else None,
        environments=_environments(document["environment"], choices),
        debian_roles={role: tuple(names) for role, names in document.get("debian", {}).get("roles", {}).items()},
        collections=tuple(_binary(folder, each) for each in document.get("collection", [])),
        source_offer=document["licences"]["source_offer"],
        text=raw,
    )


def _environments(entries: list[dict[str, Any]], choices: Choices) -> tuple[EnvironmentWanted, ...]:
    found = [_environment(entry) for entry in entries]
    names = {each.name for each in found}
    strange = sorted((set(choices.cuda) | choices.optional) - names)
    if strange:
        raise ValueError(f"there is no environment {strange[0]!r}; there are {', '.join(sorted(names))}")
    kept = [each for each in found if not each.optional or each.name in choices.optional]
    chosen = tuple(replace(each, cuda=choices.cuda.get(each.name, each.cuda)) for each in kept)
    for each in chosen:
        if each.cuda not in CUDA_FLAVOURS:
            raise ValueError(f"environment {each.name}: {each.cuda!r} is none of {', '.join(CUDA_FLAVOURS)}")
        if each.cuda not in each.cuda_locks:
            raise ValueError(f"environment {each.name} has no locks for the CUDA flavour {each.cuda}")
    return chosen


def _environment(entry: dict[str, Any]) -> EnvironmentWanted:
    _only(entry, {"name", "locks", "cuda", "cuda_locks", "imports", "optional"}, "environment")
    flavours = {flavour: tuple(locks) for flavour, locks in entry["cuda_locks"].items()}
    return EnvironmentWanted(
        entry["name"], tuple(entry["locks"]), entry["cuda"], flavours, tuple(entry.get("imports", ())),
        bool(entry.get("optional", False)),
    )  # fmt: skip


def _binary(folder: Path, entry: dict[str, Any]) -> Binary:
    _only(entry, {"name", "version", "licence", "file", "sha256"}, entry["name"])
    return Binary(entry["name"], entry["version"], entry["licence"], folder / entry["file"], entry["sha256"])


def _only(table: dict[str, Any], known: set[str], where: str) -> dict[str, Any]:
    strange = sorted(set(table) - known)
    if strange:
        raise ValueError(f"{where}: {strange[0]!r} is not known here")
    return table
