"""Keys: each is documented, none needs what terminals do not send, only capitals change anything."""

import re
from pathlib import Path

from tests.tui.bindings import acting_bindings, own_bindings
from tui.screens.picture import ACTING

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs/console.md").read_text()


def documented() -> set[str]:
    """Return the keys of all tables whose first column names keys."""
    keys: set[str] = set()
    for heading, rows in re.findall(r"^\| (key) \|.*\n\|[-| ]+\n((?:\|.*\n)+)", DOCUMENT, re.MULTILINE):
        assert heading == "key"
        for row in rows.splitlines():
            keys |= set(re.findall(r"`(\S+?)`", row.split("|")[1]))
    return keys


def test_every_key_is_documented_and_every_documented_key_does_something():
    declared = {binding.key for _, binding in own_bindings()}

    assert {"n", "y"} <= declared
    assert documented() | {"n", "y", "left", "right"} == declared


def test_keys_of_the_dialog_are_told_in_the_text():
    text = DOCUMENT.split("Capitals act")[1]

    assert all(f"`{key}`" in text for key in ("n", "y", "left", "right", "escape"))


def test_no_key_needs_what_a_terminal_may_not_send():
    for owner, binding in own_bindings():
        assert not re.match(r"f\d+$|.*(ctrl|shift|alt|super)\+", binding.key), (owner, binding.key)


def test_what_changes_the_appliance_is_on_a_capital_and_nothing_else_but_the_events_and_moving_is():
    for owner, binding in own_bindings():
        capital = len(binding.key) == 1 and binding.key.isupper()
        if binding.action in ACTING:
            assert capital, (owner, binding.key)
            assert "delete" not in binding.key
        elif capital:
            assert binding.key in "GSE", (owner, binding.key)


def test_every_action_of_the_list_has_a_key():
    assert {binding.action for _, binding in own_bindings() if binding.action in ACTING} == set(ACTING)
    assert len(acting_bindings()) == len(ACTING)


def test_every_key_says_what_it_does():
    assert all(binding.description for _, binding in own_bindings())
