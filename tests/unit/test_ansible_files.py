"""What is easily written wrong in a playbook: lists without an order, secrets that all can read, machines passed over.

A list in a file has one order, or every run of the playbook writes another file and restarts what reads it.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ANSIBLE = Path(__file__).resolve().parents[2] / "ansible"
SET_FILTER = re.compile(r"\|\s*(?:symmetric_difference|difference|union|intersect)\(")
ORDERED = re.compile(r"^\s*\|\s*(?:sort|length)\b")
SECRET = re.compile(r"PASSWORD|AUTH|SECRET|TOKEN|KEY")
ALONE = re.compile(r"(database|broker|objectstore|\w+\[0\]|{{ node .*}})$")
FILES = [file for file in sorted(ANSIBLE.rglob("*")) if file.suffix in (".yml", ".j2")]


def behind(text: str, start: int) -> str:
    """Return what follows the parenthesis that opens just before `start` once it is closed."""
    depth = 1
    for at in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        if depth == 0:
            return text[at + 1 :]
    return ""


def unordered(text: str) -> list[str]:
    """Return the uses of Ansible's set filters whose results are neither sorted nor counted."""
    return [found[0] for found in SET_FILTER.finditer(text) if not ORDERED.match(behind(text, found.end()))]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{{ a | difference(groups['x'] | default([])) }}", 1),
        ("{{ a | difference(b) | map('upper') | sort }}", 1),
        ("{{ a | difference(groups['x'] | default([])) | sort }}", 0),
        ("{{ a\n | union(b)\n | length }}", 0),
    ],
)
def test_an_unordered_use_is_found(text, found):
    assert len(unordered(text)) == found


def test_what_set_filters_return_is_sorted():
    assert FILES
    assert {str(file.relative_to(ANSIBLE)): uses for file in FILES if (uses := unordered(file.read_text()))} == {}


def environments(tasks: Any) -> Iterator[dict[str, Any] | str]:
    """Yield what tasks, plays and blocks say under `environment`: names with values, or an expression."""
    if isinstance(tasks, list):
        for task in tasks:
            yield from environments(task)
    elif isinstance(tasks, dict):
        for name, value in tasks.items():
            if name == "environment" and isinstance(value, dict | str):
                yield value
            else:
                yield from environments(value)


def test_no_secret_is_given_by_an_environment_which_ansible_makes_a_part_of_a_command_line():
    documents = [yaml.safe_load(file.read_text()) for file in FILES if file.suffix == ".yml"]
    given = [each for document in documents for each in environments(document)]
    names = {name for each in given if isinstance(each, dict) for name in each}
    assert "LC_ALL" in names
    assert {name for name in names if SECRET.search(name)} == set()
    # Settings without credentials.
    assert {each for each in given if isinstance(each, str)} == {"{{ application_models_environment }}"}


def plays() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the plays of the playbooks, with their files' names."""
    for file in sorted(ANSIBLE.glob("*.yml")):
        yield from ((file.name, play) for play in yaml.safe_load(file.read_text()) if "hosts" in play)


def test_a_play_of_one_machine_is_without_what_makes_ansible_pass_over_it_when_it_is_unreachable():
    alone = [(file, play) for file, play in plays() if play.get("serial") == 1 or ALONE.match(play["hosts"])]
    assert len(alone) > 10
    assert [(file, play["name"]) for file, play in alone if "any_errors_fatal" in play] == []


def test_what_starts_before_tmp_is_emptied_at_boot_waits_for_that_where_it_has_devices_of_its_own():
    """They are put together in /tmp, so without it such a service fails now and then: tests/install saw a machine boot
    without its firewall."""
    early = [text for file in FILES if "DefaultDependencies=no" in (text := file.read_text())]
    with_devices = [text for text in early if "PrivateDevices=yes" in text]
    assert with_devices
    assert all(re.search(r"^After=.*\bsystemd-tmpfiles-setup\.service\b", text, re.M) for text in with_devices)
