"""`bundle.json`: what a bundle is, for whom it was made, and what it holds."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from installer.bundle.container import safe_path
from installer.bundle.refusal import FormatUnknown
from installer.bundle.versions import Release, version_key

SCHEMA = 1
LARGEST_BYTES = 8 << 20
CUDA_FLAVOURS = ("cpu", "cuda12", "cuda13")
DRIVER_MINIMUM = {"cpu": 0, "cuda12": 525, "cuda13": 580}
"""Lowest major version of the NVIDIA driver (NVIDIA's minor-version compatibility of CUDA 12 and 13)."""


@dataclass(frozen=True, slots=True)
class Host:
    """The machines that a bundle is for: `debian-12`, `x86_64`, and the exact version of their Python."""

    os: str
    architecture: str
    python: str


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment: which locks of the bundle make it, and which driver its libraries need (0: none)."""

    name: str
    cuda: str
    driver_minimum: int
    locks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Component:
    """One thing that a bundle carries: a file, or a folder's files; the hash is that of `tree_sha256`."""

    kind: str
    name: str
    version: str
    licence: str
    path: str
    files: int
    size_bytes: int
    sha256: str
    source: str = ""

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Return what components are sorted by; two environments may have different versions of one package."""
        return self.kind, self.name, self.version, self.path


@dataclass(frozen=True, slots=True)
class Checksums:
    """The list of all files: its own hash, how many files it names, and how many bytes they have together."""

    sha256: str
    files: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Metadata:
    """All of `bundle.json`. `payload_bytes` is what follows the signature in the bundle's file."""

    product: str
    version: str
    commit: str
    built_s: int
    host: Host
    upgrade_oldest: str
    required_stops: tuple[str, ...]
    preset: str
    object_store: str
    environments: tuple[Environment, ...]
    migrations: tuple[str, ...]
    executables: tuple[str, ...]
    components: tuple[Component, ...]
    checksums: Checksums
    payload_bytes: int
    readable_by: str = ""
    """The oldest revision whose code runs on the newest schema; "" in bundles from before it was told."""

    @property
    def release(self) -> Release:
        """Return version and time of build."""
        return Release(self.version, self.built_s)

    @property
    def title(self) -> str:
        """Return product, version and commit as one reads them."""
        return f"{self.product} {self.version} (commit {self.commit[:12]})"

    def encoded(self) -> bytes:
        """Return the bytes of `bundle.json`: sorted keys, ASCII, so that the same metadata has the same bytes."""
        return (json.dumps({"schema": SCHEMA, **asdict(self)}, sort_keys=True, indent=1) + "\n").encode()


def parse_metadata(raw: bytes) -> Metadata:
    """Return the metadata of `bundle.json`'s bytes; FormatUnknown says what is wrong with them."""
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        raise FormatUnknown("bundle.json is not JSON.") from None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        schema = document.get("schema") if isinstance(document, dict) else None
        raise FormatUnknown(f"Its schema is {schema!r}, this installer reads {SCHEMA}; take that bundle's installer.")
    try:
        metadata = _metadata(document)
    except (KeyError, TypeError, ValueError) as error:
        raise FormatUnknown(f"bundle.json: {error}.") from None
    _check(metadata)
    return metadata


def _metadata(document: Mapping[str, Any]) -> Metadata:
    told = {"readable_by": "", **document}
    simple = {
        field.name: _typed(told, field.name, field.type) for field in fields(Metadata) if field.type in (str, int)
    }
    return Metadata(
        **simple,
        host=_record(Host, document["host"]),
        required_stops=_texts(document["required_stops"]),
        environments=tuple(_environment(each) for each in document["environments"]),
        migrations=_texts(document["migrations"]),
        executables=_texts(document["executables"]),
        components=tuple(_record(Component, each) for each in document["components"]),
        checksums=_record(Checksums, document["checksums"]),
    )


def _environment(each: Mapping[str, Any]) -> Environment:
    return Environment(
        _typed(each, "name", str), _typed(each, "cuda", str), _typed(each, "driver_minimum", int), _texts(each["locks"])
    )


def _record(kind: type[Any], each: Mapping[str, Any]) -> Any:
    return kind(**{field.name: _typed(each, field.name, field.type) for field in fields(kind)})


def _typed(document: Mapping[str, Any], name: str, kind: Any) -> Any:
    value = document[name]
    if not isinstance(value, kind) or isinstance(value, bool) or (kind is int and value < 0):
        raise ValueError(f"{name} is {value!r}")
    return value


def _texts(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError(f"{values!r} is no list of texts")
    return tuple(values)


def _check(metadata: Metadata) -> None:
    for version in (metadata.version, metadata.upgrade_oldest, *metadata.required_stops):
        version_key(version)
    paths = [component.path for component in metadata.components] + list(metadata.executables)
    wrong = [path for path in paths if not safe_path(path)]
    if wrong:
        raise FormatUnknown(f"{wrong[0]!r} is no path inside a bundle.")
    unknown = [each.cuda for each in metadata.environments if each.cuda not in CUDA_FLAVOURS]
    if unknown:
        raise FormatUnknown(f"{unknown[0]!r} is no CUDA flavour; there are {', '.join(CUDA_FLAVOURS)}.")
