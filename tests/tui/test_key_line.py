"""The keys at the bottom: none is cut, however narrow a terminal is, and what goes goes whole."""

import asyncio

import pytest
from textual.widgets._footer import FooterKey

from tests.tui import scenes
from tests.tui.picture_text import lines_of, running, settled
from tests.tui.scripted_source import ScriptedSource
from tui.widgets.key_line import KeyLine, left_out_within

WALK = ("1", "2", "enter", "enter", "escape d", "enter", "3", "4", "5", "6", "E", "v")


@pytest.mark.parametrize("columns", [24, 40, 60, 79, 80, 100, 160])
def test_every_key_that_is_shown_is_shown_whole_down_to_the_last(columns):
    async def walk() -> None:
        async with running(ScriptedSource(scenes.degraded()), (columns, 24)) as (app, pilot):
            for keys in WALK:
                for key in keys.split():
                    await pilot.press(key)
                    await settled(pilot)
                last = lines_of(app)[-1]
                assert last.endswith("q Quit"), (keys, last)
                assert "? Help" in last
                shown = [key for key in app.screen.query(FooterKey) if key.region.width]
                assert all(key.region.right <= columns for key in shown), keys
                # Of all that would not be seen, there is the space after the last key at most.
                assert app.screen.query_one(KeyLine).max_scroll_x <= 1, keys
                assert ("Screens" in last) is any(key.action.startswith("go(") for key in shown), (keys, last)
                if columns >= 80:
                    assert "Screens" in last
                if columns == 160:
                    assert ": Commands space Freeze" in last

    asyncio.run(walk())


def test_a_terminal_that_gets_narrower_or_wider_is_followed():
    async def resize() -> None:
        async with running(ScriptedSource(scenes.degraded()), (120, 24)) as (app, pilot):
            await pilot.press("2")
            await settled(pilot)
            assert ": Commands" in lines_of(app)[-1]
            for columns, shown in ((80, False), (120, True)):
                await pilot.resize_terminal(columns, 24)
                await settled(pilot)
                await settled(pilot)
                assert (": Commands" in lines_of(app)[-1]) is shown

    asyncio.run(resize())


def test_what_goes_first_goes_no_earlier_than_it_must():
    columns = {"filter": 9, "pause": 15, "command_palette": 11, "freeze": 13}

    assert left_out_within(columns, 47) == set()
    assert left_out_within(columns, 46) == {"command_palette"}
    assert left_out_within(columns, 30) == {"command_palette", "freeze"}
    assert left_out_within(columns, 3) == set(columns)


def test_the_first_key_of_a_screen_stays_longest_besides_help_and_the_way_out():
    columns = {"pause": 15, "dead": 15, "retry_all": 17, "help": 7, "Screens": 18, "quit": 7}

    assert left_out_within(columns, 60) == {"Screens"}
    assert left_out_within(columns, 59) == {"Screens", "retry_all"}
    assert left_out_within(columns, 30) == {"Screens", "retry_all", "dead"}
    assert left_out_within(columns, 28) == {"Screens", "retry_all", "dead"}
    assert left_out_within(columns, 27) == {"Screens", "retry_all", "dead", "pause"}
    assert left_out_within(columns, 1) == set(columns) - {"help"}
