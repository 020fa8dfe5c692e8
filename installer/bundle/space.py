"""Is there room? Asked before anything is written."""

import shutil
from collections.abc import Callable
from pathlib import Path

from installer.bundle.refusal import NoSpace

RESERVE_BYTES = 256 << 20
"""What is left free for everybody else: a full root file system stops more than the installation."""

FreeBytes = Callable[[Path], int]


def free_bytes(path: Path) -> int:
    """Return the bytes that may be written where `path` is, or will be made."""
    place = path.absolute()
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free


def require_space(path: Path, needed_bytes: int, free: FreeBytes = free_bytes) -> None:
    """Raise NoSpace unless `needed_bytes` and a reserve of 256 MiB are free where `path` is, or will be made."""
    have, need = free(path), needed_bytes + RESERVE_BYTES
    if have < need:
        lack = gibibytes(need - have)
        raise NoSpace(f"{path} needs {gibibytes(need)}, {gibibytes(have)} are free: {lack} are missing.")


def gibibytes(size_bytes: int) -> str:
    """Return a size as one reads it."""
    if size_bytes < 1 << 20:
        return f"{size_bytes} bytes"
    if size_bytes < 1 << 30:
        return f"{size_bytes / (1 << 20):.1f} MiB"
    return f"{size_bytes / (1 << 30):.2f} GiB"
