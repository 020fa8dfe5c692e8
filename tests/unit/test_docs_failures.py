"""Who looks for the sentence that an installation failed with finds it in the table of docs/install.md."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
TABLE = (ROOT / "docs/install.md").read_text().split("## When it fails\n")[1].split("\n## ")[0]
SHORTEST = 10
"""Letters that a piece of a sentence needs to be one that nobody finds elsewhere."""


def sentences() -> dict[str, str]:
    """Return each message of an `assert` or `fail` task by the file it is in, and those of install.sh."""
    found = {}
    for path in sorted((ROOT / "ansible").rglob("*.yml")):
        for message in messages(yaml.safe_load(path.read_text())):
            found[" ".join(message.split())] = str(path.relative_to(ROOT))
    for message in re.findall(r'\bfail "([^"]+)"', (ROOT / "installer/install.sh").read_text()):
        found[message] = "installer/install.sh"
    return {message: place for message, place in found.items() if letters(message) >= SHORTEST}


def messages(part: object) -> list[str]:
    """Return the messages below a part of a playbook or of a file of tasks."""
    if isinstance(part, list):
        return [message for each in part for message in messages(each)]
    if not isinstance(part, dict):
        return []
    own = [
        (part.get("ansible.builtin.assert") or {}).get("fail_msg"),
        (part.get("ansible.builtin.fail") or {}).get("msg"),
    ]
    return [message for message in own if message] + [message for each in part.values() for message in messages(each)]


def letters(message: str) -> int:
    """Return how many letters of a message do not depend on the machine."""
    return len(re.sub(r"\{\{.*?\}\}|\$\{?\w+\}?|[^a-zA-Z]", "", message))


def told() -> list[re.Pattern[str]]:
    """Return the pieces of text in the table's first column; three dots stand for anything."""
    cells = re.findall(r"^\| (.+?) \| ", TABLE, re.MULTILINE)
    pieces = [piece for cell in cells for piece in re.findall(r"`([^`]+)`", cell) if letters(piece) >= SHORTEST]
    return [re.compile(".*".join(re.escape(word.strip()) for word in piece.split("…"))) for piece in pieces]


@pytest.mark.parametrize(("message", "place"), sentences().items(), ids=lambda value: value[:50])
def test_a_message_is_found_in_the_table(message, place):
    assert any(piece.search(message) for piece in told()), f"{place}: {message}"


def test_there_are_messages_to_look_for():
    assert len(sentences()) > 12
    assert not any(piece.search("a sentence that nothing says") for piece in told())
