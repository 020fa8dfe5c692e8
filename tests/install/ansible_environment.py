"""ansible-lint with Ansible and Jinja in an environment of its own, in the user's cache, made once per lock."""

import hashlib
import sys
from pathlib import Path

from installer.bootstrap import BootstrapFailed, create_environment, install_lock, lock_file
from tests.services import missing

ROOT = Path(__file__).resolve().parents[2]
DONE = "installed"


def ansible_environment() -> Path:
    """Return the folder of its programs; where it cannot be installed, the test is skipped, or fails in CI."""
    digest = hashlib.sha256(lock_file(ROOT, "lint").read_bytes() + sys.version.encode()).hexdigest()[:16]
    folder = Path.home() / ".cache" / "meeshy" / "environments" / f"lint-{digest}"
    if not (folder / DONE).is_file():
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            create_environment(folder)
            install_lock(ROOT, folder / "bin" / "python", "lint")
        except BootstrapFailed as failure:
            missing(f"ansible-lint cannot be installed here: {failure}")
        (folder / DONE).touch()
    return folder / "bin"
