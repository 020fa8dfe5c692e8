"""Bundles of a few bytes, written and signed by the real code, for tests of everything that reads them."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from installer.build.assemble import describe, write_bundle
from installer.build.cache import Cache
from installer.build.components import Components, EnvironmentWanted
from installer.build.contents import Contents
from installer.build.models import ModelWanted
from installer.build.product import Product
from installer.build.resolution import Builder
from installer.build.sign import sign
from installer.bundle.checksums import tree_sha256
from installer.bundle.keys import TrustedKey
from installer.bundle.metadata import Component, Host, Metadata
from installer.bundle.verify import Site

BUILT_S = 1_790_000_000
HOST = Host("debian-12", "x86_64", "3.11.2")
FILES = {
    "product/meeshy": b"#!/bin/sh\necho meeshy\n",
    "product/appliance/__init__.py": b"",
    "models/small/model.bin": bytes(range(256)) * 9,
    "debs/Packages": b"Package: small\nVersion: 1\n",
    "debs/Release": b"Origin: Meeshy\nSuite: bundle\n",
    "sbom.cdx.json": b"{}\n",
}


class SmallKey:
    """A signing key made from one byte, so that every run has the same ones."""

    def __init__(self, seed: int = 1, owner: str = "Test <test@example.org>") -> None:
        """Make the key of a seed from 0 to 255."""
        self._key = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
        self.trusted = TrustedKey(self._key.public_key().public_bytes_raw(), owner)

    def sign(self, message: bytes) -> bytes:
        """Return the signature of a message."""
        return self._key.sign(message)

    def site(self, **judged_by: Any) -> Site:
        """Return a site that trusts this key only."""
        return Site({self.trusted.id: self.trusted}, **judged_by)


class NoModels:
    """A catalog without a model."""

    def wanted(self, preset: str) -> list[ModelWanted]:
        """Return nothing."""
        return []

    def folder(self, model_id: str) -> Path:
        """Raise KeyError: there is no model."""
        raise KeyError(model_id)


def small_components(folder: Path, **others: Any) -> Components:
    """Return a list of components that asks for one environment and nothing else."""
    environment = EnvironmentWanted("appliance", ("base",), "cpu", {"cpu": ()}, (), optional=False)
    components = Components(
        folder=folder, host=HOST, interpreter="/usr/bin/python3", product_paths=("appliance",),
        product_licence="GPL-3.0-or-later", upgrade_oldest="0.1.0", required_stops=(), preset="starter",
        object_store="external", object_store_lock="", object_store_binary=None, environments=(environment,),
        debian_roles={}, collections=(), source_offer="Sources are on offer.",
    )  # fmt: skip
    return replace(components, **others)


def small_bundle(
    path: Path, key: SmallKey | None = None, files: dict[str, bytes] | None = None, **about: Any
) -> Metadata:
    """Write a bundle of `files`, signed if a key is given, and return its metadata.

    `about` replaces fields of the product (version, commit) and of the list of components, or `built_s`.
    """
    made = dict(FILES if files is None else files)
    built_s = about.pop("built_s", BUILT_S)
    product = Product("meeshy-appliance", about.pop("version", "0.2.0"), about.pop("commit", "c" * 40), built_s, {},
                      frozenset())  # fmt: skip
    builder = Builder(small_components(path.parent, **about), Cache(path.parent / "cache"), NoModels())
    contents = Contents(made, {}, _components(made), frozenset({"product/meeshy"} & set(made)))
    metadata, listed = describe(builder, product, contents, built_s)
    write_bundle(path, metadata, listed, contents)
    if key:
        sign(path, key)
    return metadata


def _components(files: dict[str, bytes]) -> tuple[Component, ...]:
    groups: dict[str, dict[str, bytes]] = {}
    for path, raw in files.items():
        if path.startswith(("product/", "models/")):
            groups.setdefault("product" if path.startswith("product/") else "model", {})[path] = raw
    return tuple(
        Component(
            kind, kind, "1", "MIT", "/".join(next(iter(group)).split("/")[:1]), len(group),
            sum(map(len, group.values())),
            tree_sha256({path: hashlib.sha256(raw).hexdigest() for path, raw in group.items()}),
        )
        for kind, group in groups.items()
    )  # fmt: skip
