"""Lays out a bundle: every file's place, and the components that they make up."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from installer.build.archives import describe_deb, describe_wheel
from installer.build.item import Item
from installer.build.licences import licence_files
from installer.build.product import Product
from installer.build.repository import packages_list, release_file
from installer.build.resolution import Builder
from installer.build.sbom import bill_of_materials
from installer.bundle.checksums import tree_sha256
from installer.bundle.metadata import Component
from installer.bundle.reader import CHECKSUMS, METADATA, SIGNATURE

SBOM = "sbom.cdx.json"
UNPLAIN = re.compile(r"[^A-Za-z0-9._+~%@,=:-]")


@dataclass(frozen=True, slots=True)
class Contents:
    """Files by path: bytes that were made here, or a cached file with its hash; and the components."""

    made: dict[str, bytes]
    cached: dict[str, tuple[Path, str]]
    components: tuple[Component, ...]
    executables: frozenset[str]

    def order(self) -> list[str]:
        """Return all paths as they lie in the bundle: the bill of materials first, so that it can be read early."""
        return sorted({*self.made, *self.cached}, key=lambda path: (path != SBOM, path))


def lay_out(builder: Builder, items: Sequence[Item], product: Product, built_s: int) -> Contents:
    """Return what a bundle of these items and this product holds."""
    cached = {item.path: (builder.cache.path(item.sha256), item.sha256) for item in items}
    made = {f"product/{path}": contents for path, contents in product.files.items()}
    made |= {f"wheels/locks/{name}.txt": builder.components.lock_file(name).read_bytes() for name in _locks(builder)}
    made |= _repository(builder, items, built_s)
    components, texts = _described(builder, items)
    components = (_product_component(product, builder.components.product_licence), *components)
    if "LICENSE" in product.files:
        texts["product/LICENSE"] = product.files["LICENSE"]
    made |= licence_files(components, texts, builder.components.source_offer)
    made[SBOM] = bill_of_materials(
        product.name, product.version, product.commit, built_s, components, builder.components.host.os
    )
    executables = {f"product/{path}" for path in product.executables}
    executables |= {item.path for item in items if item.kind == "binary"}
    assert not {METADATA, SIGNATURE, CHECKSUMS} & {*made, *cached}
    return Contents(made, cached, tuple(components), frozenset(executables))


def _locks(builder: Builder) -> set[str]:
    return {name for locks in builder.locks().values() for name in locks}


def _repository(builder: Builder, items: Sequence[Item], built_s: int) -> dict[str, bytes]:
    debs = {
        item.path.removeprefix("debs/"): builder.cache.path(item.sha256) for item in items if item.kind == "deb"
    }  # fmt: skip
    if not debs:
        return {}
    packages = packages_list(debs)
    return {"debs/Packages": packages, "debs/Release": release_file(packages, builder.apt().architecture, built_s)}


def _product_component(product: Product, licence: str) -> Component:
    hashes = {f"product/{path}": hashlib.sha256(raw).hexdigest() for path, raw in product.files.items()}
    size = sum(map(len, product.files.values()))
    return Component(
        "product", product.name, product.version, licence, "product", len(hashes), size, tree_sha256(hashes),
        product.commit,
    )  # fmt: skip


def _described(builder: Builder, items: Sequence[Item]) -> tuple[tuple[Component, ...], dict[str, bytes]]:
    """Return the components that items make up, and the licence texts found in their archives."""
    texts: dict[str, bytes] = {}
    components = [_model(builder, name, items) for name in dict.fromkeys(i.name for i in items if i.kind == "model")]
    for item in items:
        if item.kind == "model":
            continue
        path = builder.cache.path(item.sha256)
        if item.kind == "wheel":
            found = describe_wheel(path)
            folder = f"python/{item.name}-{item.version}"
        elif item.kind == "deb":
            found = describe_deb(path)
            folder = f"debian/{item.name}"
        else:
            components.append(_single(builder, item))
            continue
        texts |= {f"{folder}/{UNPLAIN.sub('_', name)}": text for name, text in found.texts.items()}
        components.append(_single(builder, replace(item, licence=found.licence)))
    return tuple(components), texts


def _single(builder: Builder, item: Item) -> Component:
    size = builder.cache.path(item.sha256).stat().st_size
    return Component(item.kind, item.name, item.version, item.licence, item.path, 1, size, item.sha256)


def _model(builder: Builder, name: str, items: Sequence[Item]) -> Component:
    files = [item for item in items if item.kind == "model" and item.name == name]
    size = sum(builder.cache.path(item.sha256).stat().st_size for item in files)
    sha256 = tree_sha256({item.path: item.sha256 for item in files})
    return Component("model", name, files[0].version, files[0].licence, f"models/{name}", len(files), size, sha256)
