"""A list in a file has one order, or every run of the playbook writes another file and restarts what reads it."""

import re
from pathlib import Path

import pytest

ANSIBLE = Path(__file__).resolve().parents[2] / "ansible"
SET_FILTER = re.compile(r"\|\s*(?:symmetric_difference|difference|union|intersect)\(")
ORDERED = re.compile(r"^\s*\|\s*(?:sort|length)\b")
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
