"""Every sentence that an installation fails with can be found in docs/install.md."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs/install.md").read_text()
WORDS = " ".join(TEXT.split())


def sentences() -> dict[str, str]:
    """Return each message of an `assert` or `fail` task by the file it is in, and those of install.sh."""
    found = {}
    for path in sorted((ROOT / "ansible").rglob("*.yml")):
        document = yaml.safe_load(path.read_text())
        for message in messages(document):
            found[message] = str(path.relative_to(ROOT))
    for message in re.findall(r'\bfail "([^"]+)"', (ROOT / "installer/install.sh").read_text()):
        found[message] = "installer/install.sh"
    return found


def messages(part: object) -> list[str]:
    """Return the messages below a part of a playbook or of a file of tasks."""
    if isinstance(part, list):
        return [message for each in part for message in messages(each)]
    if not isinstance(part, dict):
        return []
    own = [part[name]["fail_msg"] for name in ("ansible.builtin.assert",) if "fail_msg" in (part.get(name) or {})]
    own += [part["ansible.builtin.fail"]["msg"]] if "ansible.builtin.fail" in part else []
    return own + [message for each in part.values() for message in messages(each)]


def fixed(message: str) -> list[str]:
    """Return what of a message does not depend on the machine: the words between variables."""
    parts = re.split(r"\{\{.*?\}\}|\$\{?\w+\}?|\$\([^)]*\)", message)
    return [words for part in parts if len(words := part.strip(" :.,;")) > 3]


@pytest.mark.parametrize(("message", "place"), sentences().items(), ids=lambda value: value[:50])
def test_a_message_is_told(message, place):
    missing = [words for words in fixed(message) if words not in WORDS]

    assert not missing, f"{place}: {message}"


def test_there_are_messages_to_look_for():
    assert len(sentences()) > 8
