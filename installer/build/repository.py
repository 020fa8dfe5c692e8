"""Lists of a flat Debian repository, the same for the same packages."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from installer.build.archives import control_of


def packages_list(debs: Mapping[str, Path]) -> bytes:
    """Return the file `Packages` for packages by their names in the repository's folder."""
    entries = []
    for name, path in sorted(debs.items()):
        raw = path.read_bytes()
        entries.append(
            f"{control_of(path)}\nFilename: ./{name}\nSize: {len(raw)}\nSHA256: {hashlib.sha256(raw).hexdigest()}\n"
        )
    return "\n".join(entries).encode()


def release_file(packages: bytes, architecture: str, built_s: int) -> bytes:
    """Return the file `Release` that vouches for `Packages`; its signature is made when the bundle is signed."""
    date = datetime.fromtimestamp(built_s, UTC).strftime("%a, %d %b %Y %H:%M:%S UTC")
    lines = [
        "Origin: Meeshy", "Label: Meeshy bundle", "Suite: bundle", "Codename: bundle", f"Date: {date}",
        f"Architectures: {architecture}", "Description: Packages of one bundle, for machines without a network",
        "SHA256:", f" {hashlib.sha256(packages).hexdigest()} {len(packages)} Packages",
    ]  # fmt: skip
    return ("\n".join(lines) + "\n").encode()
