"""Who looks for the sentence that an installation failed with finds it in the table of docs/install.md."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
TABLE = (ROOT / "docs/install.md").read_text().split("## When it fails\n")[1].split("\n## ")[0]
SHORTEST = 10
"""Letters that a piece of a sentence needs to be one that nobody finds elsewhere."""
CODE = [*(ROOT / "installer/target").glob("*.py"), *(ROOT / "ansible/plugins").rglob("*.py")]
"""What stops an installation and is no playbook; refusals of bundles have a table of their own."""
SAYING = {"TargetFailed", "SystemdRefused", "ValueError", "fail_json", "warn"}


def sentences() -> dict[str, str]:
    """Return each message by the file it is in: of `assert` and `fail` tasks, of install.sh, and of the code."""
    found = {}
    for path in sorted((ROOT / "ansible").rglob("*.yml")):
        for message in messages(yaml.safe_load(path.read_text())):
            found[" ".join(message.split())] = str(path.relative_to(ROOT))
    for message in re.findall(r'\b(?:fail|echo) "((?:\$\(.*?\)|[^"])+)"', (ROOT / "installer/install.sh").read_text()):
        found[message.removeprefix("install.sh: ")] = "installer/install.sh"
    for path in sorted(CODE):
        found |= dict.fromkeys(said(ast.parse(path.read_text())), str(path.relative_to(ROOT)))
    return {message: place for message, place in found.items() if letters(message) >= SHORTEST}


def said(module: ast.Module) -> Iterator[str]:
    """Yield the texts that code of the target or of a playbook ends with, or warns with, and whole sentences."""
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in SAYING:
            yield from map(worded, [*node.args, *(each.value for each in node.keywords)])
        if isinstance(node, ast.Return) and re.fullmatch(r"[A-Z].* .*\.", worded(node.value)):
            yield worded(node.value)


def worded(node: ast.AST | None) -> str:
    """Return the text that an expression is, with braces for what it is put together from; nothing for another one."""
    if isinstance(node, ast.JoinedStr):
        return "".join(map(worded, node.values))
    if isinstance(node, ast.FormattedValue):
        return "{{ }}"
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


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
    assert {place.partition("/")[0] for place in sentences().values()} == {"ansible", "installer"}
    assert "ca.key and ca.pem do not belong together" in sentences()
    assert len(sentences()) > 60
    assert not any(piece.search("a sentence that nothing says") for piece in told())
