"""From screen to screen and back, page after page, each where one left it."""

import asyncio
from functools import partial

import pytest

from tests.tui import scenes
from tests.tui.clock import StoppedClock
from tests.tui.picture_text import lines_of, picture, press, running
from tests.tui.scripted_source import ScriptedSource
from tui.screens.asking import ASKED_EVERY_S
from tui.screens.job import NOT_KNOWN, JobScreen
from tui.screens.jobs import JobsScreen
from tui.screens.queues import QueuesScreen
from tui.source import Outage, SourceError
from tui.widgets.filter_bar import FilterBar
from tui.widgets.row_table import RowTable


def drive(scenario, source: ScriptedSource | None = None, size=(80, 24)) -> None:
    async def run() -> None:
        given = source or ScriptedSource(scenes.degraded())
        clock = StoppedClock()
        async with running(given, size, clock=clock) as (app, pilot):
            await scenario(app, partial(press, pilot), given, clock)

    asyncio.run(run())


def test_a_screen_is_where_one_left_it():
    async def scenario(app, press, source, clock):
        await press("2", "enter", "enter")
        assert isinstance(app.screen, JobScreen)
        await press("1", "2")
        assert isinstance(app.screen, JobScreen)
        await press("escape")
        assert isinstance(app.screen, JobsScreen)
        await press("escape", "escape", "escape")
        assert app.current_mode == "queues"
        assert app.screen.query_one("#lanes", RowTable).cursor == "hear.p0"

    drive(scenario)


def test_enter_on_the_overview_opens_the_lane_or_the_worker():
    async def scenario(app, press, source, clock):
        await press("down", "enter")
        assert isinstance(app.screen, JobsScreen)
        assert source.queries[0].lane == "synthesize.p1"
        await press("escape", "1", "tab", "down", "enter")
        assert app.current_mode == "workers"
        assert app.screen.query_one("#workers", RowTable).cursor == "gpu1-w2"

    drive(scenario)


def test_the_first_page_is_read_again_and_the_next_ones_when_the_end_is_near():
    source = ScriptedSource(scenes.degraded())
    source.pages = {None: scenes.jobs_page(0, 100, "100"), "100": scenes.jobs_page(100, 30)}

    async def scenario(app, press, source, clock):
        await press("2", "enter")
        clock.advance(ASKED_EVERY_S)
        source.tell(scenes.degraded())
        await press()
        await press("j")
        assert {query.cursor for query in source.queries} == {None}
        assert len(source.queries) >= 2
        await press("G")
        table = app.screen.query_one(RowTable)
        assert source.queries[-1].cursor == "100"
        assert table.total == 130
        assert table.cursor == "item-99"
        asked = len(source.queries)
        clock.advance(ASKED_EVERY_S)
        source.tell(scenes.degraded())
        await press("j")
        assert len(source.queries) == asked
        assert "r reads anew" in picture(app)
        await press("r")
        assert source.queries[-1].cursor is None
        assert table.total == 100

    drive(scenario, source)


def test_the_filter_narrows_while_one_types_and_escape_takes_it_away():
    async def scenario(app, press, source, clock):
        table = app.screen.query_one("#lanes", RowTable)
        await press("slash", *"!hear", "enter")
        assert table.keys
        assert not [key for key in table.keys if "hear" in key]
        assert app.focused is table
        await press("escape")
        assert "hear.p0" in table.keys
        assert not app.screen.query_one(FilterBar).display

    drive(scenario)


def test_the_filter_is_for_the_table_that_had_the_keys_and_the_other_stays_whole():
    async def scenario(app, press, source, clock):
        lanes, workers = app.screen.query_one("#lanes", RowTable), app.screen.query_one("#workers", RowTable)
        await press("tab", "slash", *"gpu1", "enter")
        assert app.focused is workers
        assert workers.keys == ["gpu1-w2", "gpu1-w1"]
        assert lanes.keys[0] == "hear.p0"
        assert "Nothing matches" not in picture(app)
        await press("home")
        lanes.focus()
        await press("slash", *"enrol", "enter")
        assert lanes.keys == ["enrol.p2"]
        assert len(workers.keys) == 5
        await press("escape")
        assert app.focused is lanes
        assert len(lanes.keys) == 9

    drive(scenario)


def test_what_matches_nothing_of_a_page_is_not_said_of_the_lane():
    source = ScriptedSource(scenes.degraded())
    source.pages = {None: scenes.jobs_page(0, 100, "100"), "100": scenes.jobs_page(100, 30)}

    async def scenario(app, press, source, clock):
        await press("2", "enter", "slash", *"job-0120")
        assert "Nothing matches job-0120 among the first 100" in picture(app)
        await press("escape", "G", "G", "slash", *"job-0120")
        assert app.screen.query_one(RowTable).keys == ["item-120"]
        await press("x")
        assert "Nothing matches job-0120x  " in picture(app).replace("\n", "  ")

    drive(scenario, source)


def test_what_was_opened_of_a_lane_does_not_pile_up():
    async def scenario(app, press, source, clock):
        for _ in range(3):
            await press("1", "enter")
        assert isinstance(app.screen, JobsScreen)
        await press("escape")
        assert isinstance(app.screen, QueuesScreen)
        assert app.screen.query_one("#lanes", RowTable).cursor == "hear.p0"

    drive(scenario)


def test_rows_keep_their_order_for_a_while_after_the_cursor_was_moved():
    worse = scenes.degraded()
    other = scenes.snapshot(
        lanes=tuple(
            scenes.lane(lane.stage, lane.priority, depth=1, oldest_of_sla=5.0 if lane.name == "finish.p0" else 0.1)
            for lane in worse.lanes
        )
    )

    async def scenario(app, press, source, clock):
        await press("2", "down")
        table = app.screen.query_one("#lanes", RowTable)
        source.tell(other)
        await press()
        assert table.keys[0] == "hear.p0"
        clock.advance(6.0)
        source.tell(other)
        await press()
        assert table.keys[0] == "finish.p0"
        assert table.cursor == "synthesize.p1"

    drive(scenario)


def test_a_maximised_panel_fills_the_screen_and_goes_back():
    async def scenario(app, press, source, clock):
        await press("m")
        assert "Workers" not in picture(app)
        await press("escape")
        assert "Workers" in picture(app)

    drive(scenario)


def test_the_palette_lists_screens_and_runs_them():
    async def scenario(app, press, source, clock):
        await press("colon", *"workers", "enter")
        await press("enter")
        assert app.current_mode == "workers"

    drive(scenario)


def test_a_question_that_was_not_answered_is_said_on_the_screen():
    source = ScriptedSource(scenes.degraded())
    source.pages = {}

    async def scenario(app, press, source, clock):
        await press("2", "enter")
        assert "Nothing is at that address." in "\n".join(lines_of(app))

    drive(scenario, source)


@pytest.mark.parametrize("keys", ["2 enter enter", "E"], ids=["job", "audit"])
def test_an_answer_that_takes_longer_than_it_is_asked_for_again_is_waited_for_and_drawn(keys):
    source = ScriptedSource(scenes.degraded())
    source.slow = asyncio.Event()

    async def scenario(app, press, source, clock):
        await press(*keys.split())
        for _ in range(3):
            clock.advance(ASKED_EVERY_S)
            source.tell(scenes.degraded())
            await press()
        assert source.asked == 1
        assert "console.pause" not in picture(app)
        source.slow.set()
        await press()
        assert ("console.pause" if keys == "E" else "240 characters heard") in picture(app)
        source.tell(scenes.degraded())
        await press()
        assert source.asked == 2

    drive(scenario, source)


def test_who_asks_for_a_list_anew_while_a_page_is_on_its_way_gets_it_after_that():
    source = ScriptedSource(scenes.degraded())
    source.pages = {None: scenes.jobs_page(0, 100, "100"), "100": scenes.jobs_page(100, 30)}

    async def scenario(app, press, source, clock):
        await press("2", "enter")
        source.slow_pages = asyncio.Event()
        await press("G", "r", "r")
        assert source.queries[-1].cursor == "100"
        source.slow_pages.set()
        await press()
        assert [query.cursor for query in source.queries[-2:]] == ["100", None]
        assert app.screen.query_one(RowTable).total == 100

    drive(scenario, source)


def test_what_is_opened_while_frozen_is_not_called_empty():
    async def scenario(app, press, source, clock):
        await press("space", "E")
        assert "Not asked for while frozen." in picture(app)
        await press("2", "enter")
        assert "Not asked for while frozen." in picture(app)
        assert "Nothing waits" not in picture(app)
        await press("space")
        assert "job-0001" in picture(app)
        await press("space", "enter")
        assert "Not asked for while frozen." in picture(app)
        await press("space")
        assert "240 characters heard" in picture(app)

    drive(scenario)


@pytest.mark.parametrize("why", ["frozen", "away"])
def test_no_further_page_is_asked_for_while_nothing_is(why):
    source = ScriptedSource(scenes.degraded())
    source.pages = {None: scenes.jobs_page(0, 100, "100"), "100": scenes.jobs_page(100, 30)}

    async def scenario(app, press, source, clock):
        await press("2", "enter")
        if why == "frozen":
            await press("space")
        else:
            source.tell(Outage("offline", "No connection.", 4.0))
        await press("G")
        assert [query.cursor for query in source.queries] == [None]
        if why == "frozen":
            await press("space")
        else:
            source.tell(scenes.degraded())
        await press("k")
        assert source.queries[-1].cursor == "100"

    drive(scenario, source)


@pytest.mark.parametrize("slow", [True, False], ids=["before the first answer", "it failed"])
def test_of_a_job_that_was_never_told_nothing_is_claimed(slow):
    source = ScriptedSource(scenes.degraded())

    async def scenario(app, press, source, clock):
        await press("2", "enter")
        source.slow = asyncio.Event() if slow else None
        source.unanswered = SourceError("The appliance does not answer in time.")
        await press("enter", "C", "R")
        assert {notice.message for notice in app._notifications} == {NOT_KNOWN}
        assert isinstance(app.screen, JobScreen)
        if not slow:
            source.tell(scenes.degraded())
            await press()
            assert "does not answer in time" in picture(app)

    drive(scenario, source)


def test_a_lane_of_voice_samples_has_no_dead_letters_to_show():
    source = ScriptedSource(scenes.snapshot(lanes=(scenes.lane("enrol", 2, depth=1),)))

    async def scenario(app, press, source, clock):
        await press("2", "d")
        assert app.current_mode == "queues"
        assert isinstance(app.screen, QueuesScreen)
        assert "nothing here to retry" in "".join(notice.message for notice in app._notifications)
        await press("enter", "d")
        assert isinstance(app.screen, JobsScreen)
        assert [query.stage for query in source.queries] == ["enrol"] * len(source.queries)

    drive(scenario, source)


def test_no_title_reads_what_the_appliance_says_as_markup():
    worker = scenes.worker("w", "[@click=app.quit]newer[/]", "all")
    source = ScriptedSource(scenes.snapshot(workers=(worker,)))
    source.pages = {}
    source.refusal = "[/x] is [red]no[/red] address"

    async def scenario(app, press, source, clock):
        await press("2", "enter")
        assert "[/x] is [red]no[/red] address" in picture(app)
        await press("3")
        assert "1 [@click=app.quit]newer[/]" in picture(app)

    drive(scenario, source)
