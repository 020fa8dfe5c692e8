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

ROADS = {
    "overview": [],
    "queues": ["2"],
    "jobs": ["2", "enter"],
    "job": ["2", "enter", "enter"],
    "dead letters": ["2", "d"],
    "workers": ["3"],
}
"""How to come to each screen that has a table or an action."""


async def offers(road: list[str], role: str, read_only: bool) -> dict[str, set[str]]:
    source = ScriptedSource(scenes.degraded(), role=role)
    async with running(source, (160, 24), read_only=read_only) as (app, pilot):
        for key in road:
            await pilot.press(key)
            await settled(pilot)
        screen = app.screen
        found = {
            "footer": {key.description for key in screen.query(FooterKey)},
            "help": {what for _, what in help_rows(screen)},
            "palette": {command.title for command in app.get_system_commands(screen)},
        }
        for key, _ in acting_bindings():
            await pilot.press(key)
            await settled(pilot)
            found["dialog"] = {"opened"} if isinstance(app.screen, Confirm) else found.get("dialog", set())
        assert not source.actions
        return found


@pytest.mark.parametrize(
    ("name", "role", "read_only"), [*((name, "viewer", False) for name in ROADS), ("workers", "admin", True)]
)
def test_no_action_is_offered_to_who_may_not_act(name, role, read_only):
    found = asyncio.run(offers(ROADS[name], role, read_only))
    descriptions = {description for _, description in acting_bindings()}

    assert len(descriptions) >= 5
    for place in ("footer", "help", "palette"):
        assert not found[place] & descriptions, place
    assert found["dialog"] == set()


def test_the_same_screens_offer_them_to_an_operator():
    seen: set[str] = set()
    for road in ROADS.values():
        found = asyncio.run(offers(road, "operator", False))
        offered = found["footer"] & {description for _, description in acting_bindings()}
        assert offered <= found["help"]
        assert offered <= found["palette"]
        seen |= offered

    assert seen == {description for _, description in acting_bindings()}
