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
    told = git("show", f"{release['commit']}:pyproject.toml")
    if told.returncode != 0 and git("rev-parse", "--is-shallow-repository").stdout.strip() == "true":
        pytest.skip(f"a clone without the history that has it: {told.stderr.strip()}")

    assert told.returncode == 0, told.stderr
    assert tomllib.loads(told.stdout)["project"]["version"] == release["version"]


def git(*words):
    return subprocess.run(["git", "-C", ROOT, *words], check=False, capture_output=True, text=True)
