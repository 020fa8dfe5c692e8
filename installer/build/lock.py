"""Reads pip's hashed requirement files, as `uv pip compile --generate-hashes` writes them."""

import re
from dataclasses import dataclass
from pathlib import Path

from installer.build.failure import ComponentsInvalid, Unpinned

REQUIREMENT = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(\[[^\]]*\])?==([^\s;\\]+)\s*(;[^\\]*)?")
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Pin:
    """One pinned requirement and the hashes that its archives may have."""

    name: str
    requirement: str
    sha256s: frozenset[str]


def read_lock(path: Path) -> list[Pin]:
    """Return the pins of a lock in its order; Unpinned for one without a hash."""
    text = "\n".join(line for line in path.read_text().splitlines() if not line.strip().startswith("#"))
    pins = [_pin(path, entry) for entry in text.replace("\\\n", " ").splitlines() if entry.strip()]
    if not pins:
        raise ComponentsInvalid(f"{path} names no package.")
    return pins


def _pin(path: Path, entry: str) -> Pin:
    match = REQUIREMENT.match(entry.strip())
    if match is None:
        raise ComponentsInvalid(f"{path}: {entry.strip()[:80]!r} is no requirement with an exact version.")
    hashes = frozenset(HASH.findall(entry))
    if not hashes:
        raise Unpinned(f"{path}: {match[1]} has no sha256.")
    return Pin(canonical(match[1]), entry.split("--hash")[0].strip(), hashes)


def canonical(name: str) -> str:
    """Return a project's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def switched_off(overrides: Path) -> frozenset[str]:
    """Return the projects that an override file keeps from being installed anywhere (`; sys_platform == "never"`)."""
    if not overrides.is_file():
        return frozenset()
    lines = [line.split("#")[0] for line in overrides.read_text().splitlines()]
    return frozenset(canonical(line.split(";")[0].strip()) for line in lines if '"never"' in line)
