"""Writes a support bundle: every text through the redactor, a manifest of what is inside, and all of it or nothing."""

import hashlib
import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any

from installer.target.support.redact import Redactor

FORMAT = 1
MANIFEST = "manifest.json"


class Archive:
    """A support bundle in the making."""

    def __init__(self, redactor: Redactor) -> None:
        """Hold what is added in memory until it is written."""
        self._redactor = redactor
        self._files: dict[str, bytes] = {}
        self._missing: dict[str, str] = {}

    def add(self, name: str, text: str) -> None:
        """Add a text under a name."""
        self._files[name] = self._redactor.clean(text).encode()

    def miss(self, name: str, reason: str) -> None:
        """Note that something could not be had, and why."""
        self._missing[name] = self._redactor.clean(reason)

    def write(self, path: Path, about: dict[str, Any]) -> dict[str, Any]:
        """Write the whole, for its owner alone, and return the manifest; OSError where it cannot be written."""
        manifest = {
            "format": FORMAT, **about,
            "files": [
                {"name": name, "bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}
                for name, raw in sorted(self._files.items())
            ],
            "missing": dict(sorted(self._missing.items())),
            "taken_out": dict(self._redactor.counts),
        }  # fmt: skip
        coming = path.with_name(f".{path.name}.coming")
        # Root writes here, and the name can be foreseen: what somebody laid there, a link above all, is not followed.
        coming.unlink(missing_ok=True)
        descriptor = os.open(coming, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
                _put(archive, MANIFEST, (json.dumps(manifest, indent=1) + "\n").encode())
                for name, raw in sorted(self._files.items()):
                    _put(archive, name, raw)
            coming.replace(path)
        except OSError:
            coming.unlink(missing_ok=True)
            raise
        return manifest


def _put(archive: tarfile.TarFile, name: str, raw: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(raw), 0o600
    archive.addfile(entry, io.BytesIO(raw))
