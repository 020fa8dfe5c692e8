"""Screen v: every finding can be read, with what to do about it, and Enter goes where it can be looked at."""

import asyncio
from functools import partial

import pytest

from appliance.admin import schema
from tests.tui import scenes
from tests.tui.clock import StoppedClock
from tests.tui.picture_text import lines_of, picture, press, running
from tests.tui.scripted_source import ScriptedSource
from tui.glyphs import ASCII, plain
from tui.panels.parts import part_lines
from tui.screen_keys import SCREEN_KEYS
from tui.screens import MODES
from tui.verdict import verdict
from tui.widgets.row_table import RowTable


def drive(scenario, source: ScriptedSource | None = None, size=(80, 24), clock: StoppedClock | None = None) -> None:
    async def run() -> None:
        given = source or ScriptedSource(scenes.degraded())
        async with running(given, size, clock=clock) as (app, pilot):
            await scenario(app, partial(press, pilot), given)

    asyncio.run(run())


def test_every_screen_has_a_key():
    assert list(SCREEN_KEYS) == list(MODES)


def test_every_finding_can_be_read_with_what_to_do_and_its_key_at_80_columns_by_24_lines():
    findings = verdict(scenes.degraded())

    async def scenario(app, press, source):
        assert "+5 more [v]" in lines_of(app)[1]
        await press("v")
        for finding in findings:
            words = " ".join(" ".join(lines_of(app)).split())
            assert finding.text in words
            assert finding.do in words
            if finding.screen != "verdict":
                assert f"Enter or {SCREEN_KEYS[finding.screen]} opens {finding.screen}" in words
            await press("down")

    assert len(findings) == 7
    drive(scenario)


@pytest.mark.parametrize(
    ("down", "mode", "cursor"),
    [(0, "queues", "hear.p0"), (3, "workers", "gpu0-w2"), (4, "queues", "synthesize.p1"), (5, "quality", None)],
)
def test_enter_goes_to_the_thing_that_the_finding_is_about(down, mode, cursor):
    async def scenario(app, press, source):
        await press("v", *["down"] * down, "enter")
        assert app.current_mode == mode
        if cursor:
            assert app.screen.query_one(RowTable).cursor == cursor

    drive(scenario)


def test_the_cursor_stays_on_its_finding_when_a_worse_one_comes():
    clock = StoppedClock()

    async def scenario(app, press, source):
        await press("v", "down", "down")
        clock.advance(6.0)
        source.tell(scenes.degraded(rates=schema.Rates(requests=100, errors=90)))
        await press()
        lines = lines_of(app)
        assert lines[1].startswith(" ✕ FAILING  90 requests failed in 5m [v]")
        assert any(line.startswith("›▲ a look   disk: 2.1 GiB free") for line in lines)
        assert lines[4].startswith(" ✕ a hand   90 requests failed in 5m")

    drive(scenario, clock=clock)


def test_an_appliance_that_is_well_needs_nothing_and_its_parts_are_told():
    async def scenario(app, press, source):
        await press("v")
        text = picture(app)
        assert text.count("Nothing needs attention.") == 3
        assert "1204 in 5m, 3 refused (<1%), 0 failed" in text
        await press("enter", "down")
        assert app.current_mode == "verdict"

    drive(scenario, ScriptedSource(scenes.snapshot(quality=schema.Quality())))


def test_without_pictures_the_second_line_says_so_and_goes_on_counting():
    clock = StoppedClock()

    async def scenario(app, press, source):
        assert lines_of(app)[1].startswith(" ● WELL")
        clock.advance(47.0)
        app.tick()
        await press()
        assert lines_of(app)[1].startswith(" ▲ No picture for 47s. Before: ● WELL")
        assert app.screen.has_class("-old")
        source.tell(scenes.snapshot(quality=schema.Quality()))
        await press()
        assert lines_of(app)[1].startswith(" ● WELL")

    drive(scenario, ScriptedSource(scenes.snapshot(quality=schema.Quality())), clock=clock)


def parts(width: int, **findings: object) -> list[str]:
    rates = schema.Rates(requests=40, refused=10, errors=2)
    snapshot = scenes.snapshot(findings=schema.Findings(**findings), rates=rates)
    return [plain(line) for line in part_lines(snapshot, width, ASCII)]


def test_parts_that_are_not_well_have_a_line_of_their_own_and_what_is_not_known_is_a_dash():
    away = schema.Health(
        part="redis", state="away", says="Redis does not answer; work waits for the workers' next look"
    )
    newer = schema.Health(part="lake", state="frozen", says="ice")
    lines = parts(
        76,
        health=(away, newer, *scenes.health()[2:]),
        housekeeping=schema.Housekeeping(failed=("sweep", "erase")),
        webhooks=schema.Webhooks(waiting=2, oldest_due_s=700.0, disabled_destinations=1, failing_destinations=2),
    )

    assert lines == [
        "requests      40 in 5m, 10 refused (25%), 2 failed",
        "work          - jobs/min, in 5m 0 languages ended, 0 failed",
        "jobs          7 open; last hour 862 done, 4 partial, 2 failed, 1 cancelled",
        "webhooks      2 waiting, oldest due for 11m, 0 failed, 1 destination disabl~",
        "housekeeping  never ran; failed: sweep, erase",
        "redis         x away    Redis does not answer; work waits for the workers' ~",
        "lake          - frozen  ice",
        "disk          + ok      2.1 GiB free of 100.0",
        "parts         + ok object_store",
    ]
    assert max(map(len, parts(50, health=(away,)))) <= 50
