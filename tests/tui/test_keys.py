"""Keys: each is documented, none needs what terminals do not send, only capitals change anything."""

import re
from pathlib import Path

from textual.app import App
from textual.binding import Binding
from textual.screen import Screen

from tests.tui.bindings import acting_bindings, own_bindings
from tui.screens.picture import ACTING

MEANS = {
    "pause": "pauses it", "retry_all": "tries all its dead letters again", "cancel": "cancels it",
    "retry": "tries it again", "drain": "drains it", "dead": "its dead letters", "window": "another window",
    "filter": "filter the table", "sort": "sort by the next column", "reverse": "turn the order around",
    "enlarge": "let the panel fill", "app.focus_next": "next panel", "open": "open", "freeze": "freeze the picture",
    "now": "ask now", "interval(1)": "draw less", "interval(-1)": "more often", "help": "keys",
    "command_palette": "commands", "back": "go back",
}  # fmt: skip
"""What the row of a key has to say, by the action that the key is bound to."""
DOCUMENT = (Path(__file__).resolve().parents[2] / "docs/console.md").read_text()


def documented() -> set[str]:
    """Return the keys of all tables whose first column names keys."""
    return set(meanings())


def meanings() -> dict[str, str]:
    """Return what the row of each documented key says."""
    said: dict[str, str] = {}
    for rows in re.findall(r"^\| key \|.*\n\|[-| ]+\n((?:\|.*\n)+)", DOCUMENT, re.MULTILINE):
        for row in rows.splitlines():
            _, keys, words = row.split("|", 2)
            for key in re.findall(r"`(\S+?)`", keys):
                said[key] = f"{said.get(key, '')} {words}"
    return said


def of_the_library() -> set[str]:
    """Return the keys that Textual binds by itself, but for those that copy and that it only tells of."""
    bindings = [*Binding.make_bindings(App.BINDINGS), *Binding.make_bindings(Screen.BINDINGS)]
    return {each.key for each in bindings if not {"ctrl+c", "super+c"} & {each.key}} | {App.COMMAND_PALETTE_BINDING}


def test_every_key_is_documented_and_every_documented_key_does_something():
    declared = {binding.key for _, binding in own_bindings()}

    assert {"n", "y"} <= declared
    assert documented() | {"n", "y", "left", "right"} == declared | of_the_library()


def test_the_row_of_a_key_says_what_the_key_is_bound_to():
    said = meanings()
    told = [(binding.key, MEANS[binding.action]) for _, binding in own_bindings() if binding.action in MEANS]

    assert {words for _, words in told} == set(MEANS.values())
    assert [(key, words, said[key]) for key, words in told if words not in said[key]] == []


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
