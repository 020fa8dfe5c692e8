"""Makes a virtual environment from an unpacked bundle's wheels, where nothing but Python is installed."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from installer.bundle.host import INTERPRETER
from installer.bundle.metadata import parse_metadata
from installer.bundle.reader import METADATA
from installer.target.alone import alone
from installer.target.failure import TargetFailed

STAMP = "made-from"
"""Written into an environment last, so that one that was interrupted is made anew."""


def make_environment(
    bundle: Path,
    name: str,
    folder: Path,
    product: Path | None = None,
    interpreter: str = INTERPRETER,
    *,
    check: bool = False,
) -> bool:
    """Have the environment `name` of a bundle's metadata in `folder`; return whether it had to be made.

    With `product`, the modules in that folder can be imported in it. pip runs from its own wheel, since the system's
    Python may lack it. With `check` nothing is made. Raises TargetFailed, also where the folder holds a whole
    environment of something else: services may be running in it.
    """
    digest = _digest(bundle, name, folder, product, interpreter)
    if check:
        return not _made(folder, digest)
    with alone(folder):
        if _made(folder, digest):
            return False
        if folder.exists():
            shutil.rmtree(folder)
        _make(bundle, name, folder, product, interpreter)
        write_stamp(folder / STAMP, digest)
    return True


def write_stamp(stamp: Path, text: str) -> None:
    """Write a stamp once all that it vouches for is on the disk; it is there whole or not at all."""
    os.sync()
    aside = stamp.with_name(f".{stamp.name}.writing")
    aside.write_text(text)
    aside.rename(stamp)


def _made(folder: Path, digest: str) -> bool:
    stamp = folder / STAMP
    if not stamp.is_file():
        return False
    if stamp.read_text() != digest:
        raise TargetFailed(f"{folder} was made from something else and may be in use; it stays as it is.")
    return True


def _make(bundle: Path, name: str, folder: Path, product: Path | None, interpreter: str) -> None:
    _run([interpreter, "-m", "venv", "--without-pip", str(folder)])
    python = folder / "bin" / "python"
    wheels = bundle / "wheels"
    wanted = [word for lock in _locks(bundle, name) for word in ("--requirement", str(lock))]
    _run([
        str(python), f"{_pip(wheels)}/pip", "--isolated", "--disable-pip-version-check", "install", "--quiet",
        "--root-user-action", "ignore", "--no-index", "--find-links", str(wheels), "--no-deps", "--require-hashes",
        "--only-binary", ":all:", *wanted,
    ])  # fmt: skip
    if product is not None:
        where = _run([str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]).strip()
        Path(where, "meeshy.pth").write_text(f"{product}\n")


def _locks(bundle: Path, name: str) -> list[Path]:
    about = parse_metadata((bundle / METADATA).read_bytes())
    for each in about.environments:
        if each.name == name:
            return [bundle / lock for lock in each.locks]
    raise TargetFailed(f"The bundle has no environment {name!r}.")


def _pip(wheels: Path) -> Path:
    found = sorted(wheels.glob("pip-*.whl"))
    if not found:
        raise TargetFailed(f"There is no wheel of pip in {wheels}.")
    return found[-1]


def _digest(bundle: Path, name: str, folder: Path, product: Path | None, interpreter: str) -> str:
    """Return one hash of all that shapes an environment; it cannot be moved, so its place is part of it."""
    digest = hashlib.sha256(f"{folder}\n{product}\n{interpreter}\n".encode())
    for lock in _locks(bundle, name):
        digest.update(lock.read_bytes())
    return digest.hexdigest()


def _run(command: list[str]) -> str:
    # Neither a variable nor a file of this machine may lend pip another source.
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "PYTHON"))}
    environment = kept | {"PIP_CONFIG_FILE": os.devnull, "LC_ALL": "C.UTF-8"}
    told = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    if told.returncode != 0:
        lines = (told.stderr or told.stdout).strip().splitlines()
        raise TargetFailed(f"{' '.join(command[:3])} ...: {' '.join(lines[-5:])}")
    return told.stdout
