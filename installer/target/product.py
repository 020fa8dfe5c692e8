"""Lays the product's files into a release's folder and compiles them there."""

import hashlib
import shutil
import subprocess
from pathlib import Path

from installer.target.alone import alone
from installer.target.environment import write_stamp

CACHE = "__pycache__"


def lay_product(bundle: Path, folder: Path, *, check: bool = False) -> bool:
    """Have the product of an unpacked bundle in `folder`, exactly; return whether anything had to change.

    The folder appears complete or stays as it was. With `check` nothing changes.
    """
    source = bundle / "product"
    if check:
        return not _lies(source, folder)
    with alone(folder):
        if _lies(source, folder):
            return False
        _lay(source, folder)
    return True


def _lies(source: Path, folder: Path) -> bool:
    return folder.is_dir() and _contents(folder) == _contents(source)


def _lay(source: Path, folder: Path) -> None:
    staging, old = (folder.with_name(f".{folder.name}.{word}") for word in ("coming", "going"))
    for each in (staging, old):
        shutil.rmtree(each, ignore_errors=True)
    shutil.copytree(source, staging, ignore=shutil.ignore_patterns(CACHE))
    if folder.exists():
        folder.rename(old)
    staging.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def compile_product(folder: Path, python: Path, *, check: bool = False) -> bool:
    """Have the product compiled, since services may not write beside it; return whether that was still to do.

    The stamp beside the folder, `product.compiled`, is written last: its time is that of the product's last change,
    by which services are restarted.
    """
    stamp = folder.with_name(f"{folder.name}.compiled")
    if check:
        return not folder.is_dir() or not _says(stamp, _digest(folder, python))
    with alone(folder):
        digest = _digest(folder, python)
        if _says(stamp, digest):
            return False
        subprocess.run([str(python), "-m", "compileall", "-q", str(folder)], check=False, capture_output=True)
        write_stamp(stamp, digest)
    return True


def _digest(folder: Path, python: Path) -> str:
    return hashlib.sha256(f"{python}\n{sorted(_contents(folder).items())}".encode()).hexdigest()


def _says(stamp: Path, digest: str) -> bool:
    return stamp.is_file() and stamp.read_text() == digest


def _contents(folder: Path) -> dict[str, tuple[str, bool]]:
    """Return hash and executability of every file by its path below the folder."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file() and CACHE not in path.parts:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            found[str(path.relative_to(folder))] = (digest, bool(path.stat().st_mode & 0o100))
    return found
