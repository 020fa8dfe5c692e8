"""Who may not act sees no action anywhere: not in the footer, not in the help, not in the palette."""

import asyncio

import pytest
from textual.widgets._footer import FooterKey

from tests.tui import scenes
from tests.tui.bindings import acting_bindings
from tests.tui.picture_text import running, settled
from tests.tui.scripted_source import ScriptedSource
from tui.screens.help import help_rows
from tui.widgets.confirm import Confirm

WALK = {
    "overview": "1",
    "workers": "3",
    "queues": "2",
    "jobs": "enter",
    "job": "enter",
    "dead letters": "escape escape d",
}
"""Screen after screen, with the keys that lead there from the one before."""
ACTIONS = {description for _, description in acting_bindings()}


async def offers(role: str, read_only: bool, *, press: bool) -> dict[str, dict[str, set[str]]]:
    """Return what each screen offers in each place; with `press`, whether an acting key opened anything."""
    source = ScriptedSource(scenes.degraded(), role=role)
    seen: dict[str, dict[str, set[str]]] = {}
    async with running(source, (160, 24), read_only=read_only) as (app, pilot):
        for name, keys in WALK.items():
            for key in keys.split():
                await pilot.press(key)
                await settled(pilot)
            seen[name] = {
                "footer": {key.description for key in app.screen.query(FooterKey)},
                "help": {what for _, what in help_rows(app.screen)},
                "palette": {command.title for command in app.get_system_commands(app.screen)},
            }
            for key, _ in acting_bindings() if press else ():
                await pilot.press(key)
                assert not isinstance(app.screen, Confirm), (name, key)
    assert not source.actions
    return seen


@pytest.mark.parametrize(("role", "read_only"), [("viewer", False), ("admin", True)])
def test_no_action_is_offered_to_who_may_not_act(role, read_only):
    assert len(ACTIONS) >= 5
    for name, places in asyncio.run(offers(role, read_only, press=True)).items():
        for place, offered in places.items():
            assert not offered & ACTIONS, (name, place)


def test_the_same_screens_offer_them_to_an_operator():
    seen: set[str] = set()
    for name, places in asyncio.run(offers("operator", False, press=False)).items():
        offered = places["footer"] & ACTIONS
        assert offered <= places["help"], name
        assert offered <= places["palette"], name
        seen |= offered

    assert seen == ACTIONS
