"""ansible-lint's production profile has nothing to say about ansible/, and no rule is skipped."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.install.ansible_environment import ansible_environment

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.network, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def lint() -> Path:
    """The program."""
    return ansible_environment() / "ansible-lint"


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
