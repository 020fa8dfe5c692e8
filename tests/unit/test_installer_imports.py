"""The installer's target side runs where nothing is installed: it imports the standard library and itself."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TARGET = [ROOT / "installer/__main__.py", *sorted((ROOT / "installer/bundle").glob("*.py")),
          *sorted((ROOT / "installer/target").rglob("*.py"))]  # fmt: skip
BUILDER = sorted((ROOT / "installer/build").glob("*.py"))


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, path
            found.add(node.module)
    return found


@pytest.mark.parametrize("path", TARGET + BUILDER, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_nothing_but_the_standard_library(path):
    strange = {name for name in imported(path) if name.split(".")[0] not in {*sys.stdlib_module_names, "installer"}}

    assert not strange


@pytest.mark.parametrize("path", TARGET, ids=lambda path: path.name)
def test_the_target_side_needs_nothing_of_the_builder(path):
    assert not [name for name in imported(path) if name.startswith("installer.build")]


def test_these_tests_see_every_file():
    assert len(TARGET) > 15
    assert len(BUILDER) > 15
