"""What installer/releases.toml calls a release is a commit of that version."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from installer.bundle.versions import version_key

ROOT = Path(__file__).resolve().parents[2]
RELEASES = tomllib.loads((ROOT / "installer/releases.toml").read_text())["release"]


def test_they_stand_in_their_order():
    keys = [version_key(each["version"]) for each in RELEASES]

    assert keys == sorted(set(keys))
    assert keys


@pytest.mark.parametrize("release", RELEASES, ids=lambda each: each["version"])
def test_each_is_a_commit_of_that_version(release):
    assert re.fullmatch(r"[0-9a-f]{40}", release["commit"])
    command = ["git", "-C", ROOT, "show", f"{release['commit']}:pyproject.toml"]
    told = subprocess.run(command, check=False, capture_output=True, text=True)
    if told.returncode != 0:
        pytest.skip(f"no history here that has it: {told.stderr.strip()}")

    assert tomllib.loads(told.stdout)["project"]["version"] == release["version"]
