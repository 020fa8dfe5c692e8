"""The environment of XTTS, apart from the appliance's own: its pins (torch, transformers) must not bind the rest.

It lies in the user's cache under the lock's hash, so that every checkout with the same lock shares one of 6.1 GB.
"""

import fcntl
import hashlib
import shutil
import sys
from pathlib import Path

from installer.bootstrap import create_environment, install_lock, lock_file

LOCK = "xtts"
_DONE = "installed"


def environment_folder(root: Path, cache: Path | None = None) -> Path:
    """Return where the environment for this checkout's lock and this Python lies or would lie."""
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    digest = hashlib.sha256(lock_file(root, LOCK).read_bytes() + python.encode()).hexdigest()
    return (cache or Path.home() / ".cache" / "meeshy") / "environments" / f"xtts-{digest[:16]}"


def interpreter_of(root: Path, cache: Path | None = None) -> Path | None:
    """Return the environment's interpreter, None where it is not installed."""
    folder = environment_folder(root, cache)
    return folder / "bin" / "python" if (folder / _DONE).is_file() else None


def ensure_xtts(root: Path, cache: Path | None = None) -> Path:
    """Install the environment unless that was done before and return its interpreter; raises BootstrapFailed.

    Two processes may call this at once; the second waits. An interrupted installation is repeated.
    """
    folder = environment_folder(root, cache)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        interpreter = folder / "bin" / "python"
        if not (folder / _DONE).is_file():
            create_environment(folder)
            # Of 30,000 modules a fraction is ever imported; Python compiles those when they are.
            install_lock(root, interpreter, LOCK, "--no-compile")
            (folder / _DONE).touch()
    return interpreter


def remove_xtts(root: Path, cache: Path | None = None) -> bool:
    """Delete the environment; return whether there was one."""
    folder = environment_folder(root, cache)
    found = folder.exists()
    shutil.rmtree(folder, ignore_errors=True)
    folder.with_suffix(".lock").unlink(missing_ok=True)
    return found
