"""What ARCHITECTURE.md says about floors, rooms and dependencies is so."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def architecture() -> str:
    return (ROOT / "ARCHITECTURE.md").read_text()


def test_the_floors_are_those_that_import_linter_enforces(project, architecture):
    rows = re.findall(r"^\| (\d+) \| (.+?) \| .+ \|$", architecture, re.MULTILINE)
    floors = [set(re.findall(r"`(\w+)`", rooms)) for _, rooms in rows]
    layers = project["tool"]["importlinter"]["contracts"][0]["layers"]

    assert [int(number) for number, _ in rows] == list(reversed(range(len(layers))))
    assert floors == [set(layer.split(" | ")) for layer in layers]


def test_every_direct_dependency_stands_in_the_table(project, architecture):
    table = architecture.split("## Dependencies")[1].split("\n## ")[0]
    told = re.findall(r"^\| ([a-z0-9-]+) \| [A-Z].+? \| [\d.]+ \| .+ \|$", table, re.MULTILINE)
    direct = [re.match(r"[a-z0-9-]+", line)[0] for line in project["project"]["dependencies"]]

    assert sorted(told) == sorted(direct)
