"""ansible-lint's production profile has nothing to say about ansible/, and no rule is skipped."""

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from installer.bootstrap import BootstrapFailed, create_environment, install_lock, lock_file

ROOT = Path(__file__).resolve().parents[2]
DONE = "installed"

pytestmark = [pytest.mark.network, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def lint() -> Path:
    """The program, in an environment of its own in the user's cache, once per lock."""
    digest = hashlib.sha256(lock_file(ROOT, "lint").read_bytes() + sys.version.encode()).hexdigest()[:16]
    folder = Path.home() / ".cache" / "meeshy" / "environments" / f"lint-{digest}"
    if not (folder / DONE).is_file():
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            create_environment(folder)
            install_lock(ROOT, folder / "bin" / "python", "lint")
        except BootstrapFailed as failure:
            pytest.skip(f"ansible-lint cannot be installed here: {failure}")
        (folder / DONE).touch()
    return folder / "bin" / "ansible-lint"


def judged(lint: Path, *paths: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": f"{lint.parent}:{os.environ['PATH']}", "NO_COLOR": "1"}
    command = [lint, "--offline", "--nocolor", "--profile", "production", *paths]
    return subprocess.run(command, cwd=ROOT / "ansible", env=environment, check=False, capture_output=True, text=True)


def test_the_production_profile_passes(lint):
    told = judged(lint)

    assert told.returncode == 0, told.stdout + told.stderr[-3000:]
    files = re.search(r"(\d+) files processed", told.stderr + told.stdout)
    assert files
    assert int(files[1]) > 60


def test_no_rule_is_skipped():
    texts = [path.read_text() for path in (ROOT / "ansible").rglob("*") if path.suffix in (".yml", ".cfg", ".j2")]

    assert not [text for text in texts if "noqa" in text or "skip_ansible_lint" in text]
    assert not list((ROOT / "ansible").glob(".ansible-lint*"))
