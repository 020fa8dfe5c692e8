"""New lines come above: what somebody reads stays where it is, and the title counts what is new."""

import asyncio

import pytest

from appliance.admin import schema
from tests.tui import scenes
from tests.tui.picture_text import lines_of, press, running, settled
from tests.tui.scripted_source import ScriptedSource
from tui.widgets.panel import Panel
from tui.widgets.staying import moved_by


@pytest.mark.parametrize(
    ("after", "top", "moved"),
    [
        ("abcdef", 2, (0, 0)),
        ("xyabcdef", 2, (2, 2)),
        ("axbcdef", 2, (1, 1)),
        # The oldest go, and those come that were not seen before.
        ("xyzabcd", 2, (3, 3)),
        # What stood above has gone.
        ("cdef", 2, (-2, 0)),
        # The first one in sight has gone: the next counts.
        ("xabdef", 2, (0, 1)),
        ("", 2, (0, 0)),
        ("xyz", 2, (0, 0)),
    ],
)
def test_what_is_in_sight_is_found_again(after, top, moved):
    assert moved_by(tuple("abcdef"), tuple(after), top) == moved


def events(newest: int) -> schema.Snapshot:
    """Return a picture with the 30 events up to this number."""
    told = tuple(
        schema.Event(id=f"e{number}", at_s=scenes.NOW_S - 100 + number, text=f"number {number}.")
        for number in range(newest, newest - 30, -1)
    )
    return scenes.snapshot(events=told)


def test_events_that_are_read_stay_put_while_new_ones_come_and_are_counted_until_they_are_seen():
    async def run() -> None:
        source = ScriptedSource(events(30))
        async with running(source, (80, 24)) as (app, pilot):

            async def tell(newest: int) -> None:
                source.tell(events(newest))
                await settled(pilot)

            def first() -> str:
                panel = app.screen.query_one("#events", Panel)
                return lines_of(app)[panel.content_region.y]

            def title() -> str:
                return str(app.screen.query_one("#events", Panel).border_title)

            await press(pilot, "E")
            assert "number 30." in first()
            await tell(31)
            # Nobody has scrolled: the newest are in sight, and nothing is new.
            assert "number 31." in first()
            assert title() == "Events"
            await press(pilot, "down", "down", "down")
            assert "number 28." in first()
            await tell(33)
            assert "number 28." in first()
            assert title() == "Events  +2 new"
            await tell(34)
            assert "number 28." in first()
            assert title() == "Events  +3 new"
            assert "+3 new" in lines_of(app)[2]
            await press(pilot, *["up"] * 4)
            assert "number 32." in first()
            assert title() == "Events  +2 new"
            await press(pilot, "home")
            assert "number 34." in first()
            assert title() == "Events"

    asyncio.run(run())
