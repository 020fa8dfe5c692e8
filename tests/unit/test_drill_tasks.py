"""Tasks that drills wait for by name are tasks of the roles: a drill is run seldom, and would find it out late."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROLES = ROOT / "ansible/roles"
NAMES = "|".join(sorted(path.name for path in ROLES.iterdir()))
NAMED = re.compile(rf'"(?:TASK \[)?({NAMES}) : ([^"]+)"')


def named() -> list[tuple[str, str]]:
    """Return role and name of each task in the drills; a name may be its beginning alone."""
    texts = [path.read_text() for path in sorted((ROOT / "tests/install").glob("test_*.py"))]
    return sorted({match for text in texts for match in NAMED.findall(text)})


@pytest.mark.parametrize(("role", "name"), named())
def test_a_task_that_a_drill_names_is_one_of_its_role(role, name):
    tasks = [path.read_text() for path in (ROLES / role / "tasks").glob("*.yml")]

    assert any(f"- name: {name}" in text for text in tasks)


def test_the_drills_name_some():
    assert len(named()) > 10
