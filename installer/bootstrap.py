"""Makes the virtual environment that the appliance runs in, from a hashed lock, once per lock."""

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST_PYTHON = (3, 11)
NEWER_PYTHONS = ("python3.13", "python3.12", "python3.11")


class BootstrapFailed(Exception):
    """The environment could not be made; the text says what to do."""


def ensure_python() -> None:
    """Start again under a Python that is new enough, or raise BootstrapFailed."""
    if sys.version_info >= OLDEST_PYTHON:
        return
    for name in NEWER_PYTHONS:
        if found := shutil.which(name):
            os.execv(found, [found, *sys.argv])
    raise BootstrapFailed("Python 3.11 or newer is needed (Debian: apt-get install python3 python3-venv).")


def ensure_environment(root: Path, lock_name: str) -> Path:
    """Install the lock into `<root>/.venv` unless that was done before, and return the environment's interpreter.

    Two processes may call this at once; the second waits. An interrupted installation is repeated.
    """
    interpreter = root / ".venv" / "bin" / "python"
    with (root / ".venv.lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if _digest(root, lock_name) not in _installed(root):
            create_environment(root / ".venv")
            install_lock(root, interpreter, lock_name)
            _make_importable(root, interpreter)
            _record(root, lock_name)
    return interpreter


def create_environment(folder: Path) -> None:
    """Make a virtual environment with pip unless there is a working one, or raise BootstrapFailed."""
    interpreter = folder / "bin" / "python"
    if interpreter.exists() and _runs([str(interpreter), "-m", "pip", "--version"]):
        return
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        raise BootstrapFailed("Python's venv module is missing; install it (Debian: apt-get install python3-venv).")
    _say(f"making {folder.name}")
    _run([sys.executable, "-m", "venv", "--clear", str(folder)], "The virtual environment could not be made.")


def install_lock(root: Path, interpreter: Path, lock_name: str, *options: str) -> None:
    """Install every package of a lock with the environment's pip, each checked by hash, or raise BootstrapFailed."""
    lock = lock_file(root, lock_name)
    count = lock.read_text().count("==")
    _say(f"installing {count} pinned packages from {lock.relative_to(root)} (once; some minutes)")
    command = [str(interpreter), "-m", "pip", "install", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
    command += ["--disable-pip-version-check", "--no-warn-script-location", *options]
    # A terminal gets pip's own progress bars; a log would get hundreds of lines of them.
    command += [] if sys.stderr.isatty() else ["--quiet"]
    _run(
        [*command, "--requirement", str(lock)],
        "The packages could not be installed; is the package index reachable? Run the command again to go on.",
    )


def _make_importable(root: Path, interpreter: Path) -> None:
    paths = subprocess.run(
        [str(interpreter), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    Path(paths.stdout.strip(), "meeshy.pth").write_text(f"{root}\n")


def _digest(root: Path, lock_name: str) -> str:
    # Place and Python are part of it: in a moved folder, or under another Python, the .venv points elsewhere.
    place = f"{root} {sys.version_info[:2]}".encode()
    return hashlib.sha256(lock_file(root, lock_name).read_bytes() + place).hexdigest()


def lock_file(root: Path, lock_name: str) -> Path:
    """Return where a lock lies."""
    return root / "installer" / "locks" / f"{lock_name}.txt"


def _stamp(root: Path) -> Path:
    return root / ".venv" / "installed-locks"


def _installed(root: Path) -> set[str]:
    try:
        return set(_stamp(root).read_text().split())
    except FileNotFoundError:
        return set()


def _record(root: Path, lock_name: str) -> None:
    # The test lock holds everything that the base lock holds, at the same versions (installer/locks/compile).
    names = ("base", "test") if lock_name == "test" else (lock_name,)
    _stamp(root).write_text("\n".join(_digest(root, name) for name in names))


def _runs(command: list[str]) -> bool:
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def _run(command: list[str], complaint: str) -> None:
    if subprocess.run(command, check=False, stdout=sys.stderr).returncode != 0:
        raise BootstrapFailed(complaint)


def _say(text: str) -> None:
    sys.stderr.write(f"meeshy: {text}\n")
    sys.stderr.flush()
