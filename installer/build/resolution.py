"""What exactly a bundle will hold, file by file: decided once for the same inputs, and noted in the cache."""

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from installer.build.cache import Cache, sha256_of
from installer.build.components import Binary, Components
from installer.build.debs import Apt, resolve_debs
from installer.build.download import length_of
from installer.build.failure import ChecksumWrong, NotFetched, Unpinned
from installer.build.item import Item, decode, encode
from installer.build.models import ModelSource, resolve_models
from installer.build.wheels import resolve_wheels, target_interpreter

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Builder:
    """What a bundle is made with: the list, the cache, who knows the models, and apt's source list (None: its own)."""

    components: Components
    cache: Cache
    models: ModelSource
    apt_sources: Path | None = None

    def locks(self) -> dict[str, tuple[str, ...]]:
        """Return the names of the locks of each environment, that of the object store among them."""
        found = {each.name: each.locks_in_force() for each in self.components.environments}
        if self.components.object_store_lock:
            found["object-store"] = (self.components.object_store_lock,)
        return found

    def interpreter(self) -> Path:
        """Return the target's interpreter."""
        return target_interpreter(self.components.interpreter, self.components.host.python, self.cache)

    def apt(self) -> Apt:
        """Return apt with folders of its own."""
        return Apt.prepare(self.cache.root / "apt", self.components.host.architecture, self.apt_sources)

    def inputs_sha256(self) -> str:
        """Return one hash for all that decides what is resolved."""
        components = self.components
        digest = hashlib.sha256(components.text)
        names = sorted({name for locks in self.locks().values() for name in locks})
        for name in names:
            digest.update(f"{name}\n".encode() + components.lock_file(name).read_bytes())
        models = [asdict(model) for model in self.models.wanted(components.preset)]
        digest.update(json.dumps([self.locks(), components.object_store, models], sort_keys=True).encode())
        if self.apt_sources:
            digest.update(self.apt_sources.read_bytes())
        return digest.hexdigest()

    def alone(self, say: Say) -> AbstractContextManager[None]:
        """Have the cache for oneself, as who resolves or fetches must; another one's end is waited for."""
        return self.cache.alone(lambda: say("waiting: another process fetches into this cache"))

    def note(self) -> Path:
        """Return the file that keeps the resolution of these inputs."""
        return self.cache.root / "resolutions" / f"{self.inputs_sha256()}.json"


def resolve(builder: Builder, say: Say, *, refresh: bool = False) -> tuple[Item, ...]:
    """Return all files of a bundle with their hashes; the same ones again for the same inputs unless `refresh`.

    The caller has the cache for itself.
    """
    note = builder.note()
    if note.is_file() and not refresh:
        items = decode(note.read_text())
        say(f"resolved: {len(items)} files, as before")
        return items
    components = builder.components
    wheels = _wheels(builder)
    say(f"wheels: {len(wheels)} for Python {components.host.python}")
    debs = resolve_debs(components.debian_packages, builder.apt()) if components.debian_packages else []
    say(f"Debian packages: {len(debs)} for {len(components.debian_packages)} that are asked for")
    models = resolve_models(builder.models.wanted(components.preset))
    say(f"models: {len({item.name for item in models})} of the preset {components.preset}")
    binaries = [binary_item("binary", each) for each in _binaries(components)]
    collections = [binary_item("collection", each) for each in components.collections]
    items = (*wheels, *debs, *models, *binaries, *collections)
    note.parent.mkdir(parents=True, exist_ok=True)
    aside = note.with_suffix(".writing")
    aside.write_text(encode(items))
    aside.rename(note)
    return items


def _wheels(builder: Builder) -> list[Item]:
    """Return the wheels of all environments, each once; environments may want different versions of one package."""
    interpreter, found = builder.interpreter(), {}
    for names in builder.locks().values():
        locks = [builder.components.lock_file(name) for name in names]
        found |= {item.path: item for item in resolve_wheels(locks, interpreter, builder.cache)}
    return [replace(item, size_bytes=_size(item)) for _, item in sorted(found.items())]


def resolved(builder: Builder) -> tuple[Item, ...]:
    """Return what was resolved for these inputs, or raise NotFetched."""
    note = builder.note()
    if not note.is_file():
        raise NotFetched("Run `./meeshy bundle fetch` with the same choices first.")
    return decode(note.read_text())


def _binaries(components: Components) -> Sequence[Binary]:
    return (components.object_store_binary,) if components.object_store_binary else ()


def binary_item(kind: str, binary: Binary) -> Item:
    """Return a supplied file as an item; Unpinned or ChecksumWrong where its hash is not the pinned one."""
    if not binary.sha256:
        raise Unpinned(f"{binary.name}: write the sha256 that its publisher states into components.toml.")
    if not binary.file.is_file():
        raise NotFetched(f"{binary.name} is to be supplied as {binary.file}.")
    actual = sha256_of(binary.file)
    if actual != binary.sha256:
        raise ChecksumWrong(f"{binary.file} has sha256 {actual} instead of {binary.sha256}.")
    folder = {"binary": "bin", "collection": "collections"}[kind]
    name = binary.name if kind == "binary" else binary.file.name
    size = binary.file.stat().st_size
    return Item(kind, binary.name, binary.version, f"{folder}/{name}", actual, size, str(binary.file), binary.licence)


def _size(item: Item) -> int:
    return item.size_bytes if item.size_bytes >= 0 else length_of(item.source)
