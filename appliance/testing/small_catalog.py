"""Catalogs of one small model, for tests of whatever needs a catalog but no real weights."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from appliance.catalog.catalog import CHECKOUT, Catalog

FILES = {"model.bin": b"weights " * 500, "voices/ann.bin": b"ann " * 100, "voices/bob.bin": b"bob " * 100}


def sha256(contents: bytes) -> str:
    """Return the hex SHA-256 of some bytes."""
    return hashlib.sha256(contents).hexdigest()


def entry(files: Mapping[str, bytes] = FILES, **changes: Any) -> dict[str, Any]:
    """Return a valid catalog entry for the files, named `small`, from the site's folder; `changes` replace fields."""
    described = [{"path": path, "size": len(data), "sha256": sha256(data)} for path, data in files.items()]
    return {
        "id": "small",
        "title": "A small model",
        "task": "synthesis",
        "engine": "none",
        "licence": "MIT",
        "commercial": True,
        "languages": ["en"],
        "memory_bytes": 1,
        "sets": ["starter"],
        "upstream": "tests",
        "file": described,
        "source": [{"kind": "folder"}],
    } | changes


def small_catalog(*entries: dict[str, Any], checkout: Path = CHECKOUT) -> Catalog:
    """Return a catalog of the entries (one default entry if none is given), read by the real parser."""
    text = "\n".join(f"[[model]]\n{_body(one)}" for one in entries or (entry(),))
    return Catalog.parse(text, checkout=checkout)


def write_files(folder: Path, files: Mapping[str, bytes] = FILES) -> Path:
    """Write the files into a folder, made if needed, and return it."""
    for path, data in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return folder


def _body(entry: Mapping[str, Any]) -> str:
    return "\n".join(f"{key} = {_value(value)}" for key, value in entry.items())


def _value(value: Any) -> str:
    """Return a value in TOML; JSON's strings, numbers and booleans are TOML's too."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_value(one)}" for key, one in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(one) for one in value) + "]"
    return json.dumps(value)
