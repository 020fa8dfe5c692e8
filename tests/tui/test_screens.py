"""Whole screens as text, kept beside the tests: look at what changes there before you accept it.

`MEESHY_KEEP_PICTURES=1` writes them anew. They hold no colour; tones have tests of their own.
"""

import asyncio
import os
from pathlib import Path

import pytest

from tests.tui import scenes
from tests.tui.clock import StoppedClock
from tests.tui.picture_text import lines_of, picture, running, settled
from tests.tui.scripted_source import ScriptedSource
from tui.glyphs import ASCII, UNICODE
from tui.source import Outage

PICTURES = Path(__file__).parent / "pictures"
SMALL, LARGE, HUGE = (80, 24), (120, 40), (200, 60)

KEPT = {
    "overview_calm_80x24": (scenes.calm, SMALL, ""),
    "overview_degraded_80x24": (scenes.degraded, SMALL, ""),
    "overview_degraded_120x40": (scenes.degraded, LARGE, ""),
    "overview_degraded_200x60": (scenes.degraded, HUGE, ""),
    "overview_eight_gpus_120x40": (scenes.eight_gpus, LARGE, ""),
    "overview_no_gpu_120x40": (scenes.no_gpu, LARGE, ""),
    "queues_80x24": (scenes.degraded, SMALL, "2"),
    "queues_120x40": (scenes.degraded, LARGE, "2"),
    "jobs_80x24": (scenes.degraded, SMALL, "2 enter"),
    "jobs_120x40": (scenes.degraded, LARGE, "2 enter"),
    "job_80x24": (scenes.degraded, SMALL, "2 enter enter"),
    "dead_letters_80x24": (scenes.degraded, SMALL, "2 d"),
    "pause_80x24": (scenes.degraded, SMALL, "2 P"),
    "retry_all_80x24": (scenes.degraded, SMALL, "2 down B"),
    "workers_80x24": (scenes.degraded, SMALL, "3"),
    "workers_120x40": (scenes.degraded, LARGE, "3"),
    "gpu_80x24": (scenes.eight_gpus, SMALL, "4"),
    "latency_80x24": (scenes.degraded, SMALL, "5"),
    "latency_120x40": (scenes.degraded, LARGE, "5"),
    "quality_80x24": (scenes.degraded, SMALL, "6"),
    "events_80x24": (scenes.degraded, SMALL, "E"),
    "help_80x24": (scenes.degraded, SMALL, "2 question_mark"),
    "filter_80x24": (scenes.degraded, SMALL, "2 slash h e a r"),
}


def drawn(scene, size, keys, glyphs=UNICODE) -> str:
    async def run() -> str:
        async with running(ScriptedSource(scene()), size, glyphs=glyphs) as (app, pilot):
            for key in keys.split():
                await pilot.press(key)
                await settled(pilot)
            return picture(app)

    return asyncio.run(run())


def compare(name: str, text: str) -> None:
    kept = PICTURES / f"{name}.txt"
    if os.environ.get("MEESHY_KEEP_PICTURES"):
        kept.write_text(text)
    assert text == kept.read_text(), f"{kept.name} is another one"


@pytest.mark.parametrize("name", KEPT)
def test_a_screen_looks_as_it_was_kept(name):
    compare(name, drawn(*KEPT[name]))


def test_no_picture_is_kept_that_nothing_draws():
    assert {path.stem for path in PICTURES.glob("*.txt")} == {*KEPT, "ascii_120x40", "offline_80x24", "refused_80x24"}


def test_an_ascii_console_draws_ascii_alone():
    text = drawn(scenes.degraded, LARGE, "", ASCII)

    assert text.isascii()
    compare("ascii_120x40", text)


@pytest.mark.parametrize("keys", ["2 enter", "2 P", "3", "4", "5", "6", "E", "question_mark", "colon"])
def test_every_screen_of_an_ascii_console_is_ascii(keys):
    text = drawn(scenes.eight_gpus, SMALL, keys, ASCII)

    assert text.isascii(), sorted({sign for sign in text if not sign.isascii()})


def test_when_the_appliance_is_gone_the_last_picture_stays_dimmed_and_comes_back():
    async def run() -> None:
        source, clock = ScriptedSource(scenes.degraded()), StoppedClock()
        async with running(source, SMALL, clock=clock) as (app, pilot):
            clock.advance(60.0)
            source.tell(Outage("offline", "No connection: refused.", 4.0))
            await settled(pilot)
            clock.advance(47.0)
            app.tick()
            await settled(pilot)
            compare("offline_80x24", picture(app))
            assert app.screen.has_class("-old")
            assert app.screen.query_one("#body").styles.opacity < 1
            source.tell(scenes.calm())
            await settled(pilot)
            assert not app.screen.has_class("-old")
            assert "live" in lines_of(app)[0]
            assert "gpu0-w1" in picture(app)

    asyncio.run(run())


def test_a_refused_key_is_said_before_any_picture_came():
    async def run() -> None:
        source = ScriptedSource(
            Outage("refused", "401: A valid API key is needed. Put a valid key in its file, then press r.")
        )
        async with running(source, SMALL) as (app, pilot):
            compare("refused_80x24", picture(app))
            await pilot.press("r")
            assert source.hurried == 1

    asyncio.run(run())


def test_a_frozen_picture_stays_and_the_newest_comes_after():
    async def run() -> None:
        source = ScriptedSource(scenes.degraded())
        async with running(source, SMALL) as (app, pilot):
            await pilot.press("space")
            source.tell(scenes.calm())
            await settled(pilot)
            assert "frozen" in lines_of(app)[0]
            assert "synthesize.p1  = paused" in picture(app)
            await pilot.press("space")
            await settled(pilot)
            assert "paused" not in picture(app)

    asyncio.run(run())


def test_without_colour_every_state_is_still_told(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")

    assert drawn(*KEPT["overview_degraded_80x24"]) == (PICTURES / "overview_degraded_80x24.txt").read_text()


@pytest.mark.parametrize("size", [(20, 6), (40, 10), (60, 16), (300, 100)])
def test_no_size_of_terminal_breaks_a_screen(size):
    for keys in ("", "2 enter", "2 P", "4", "5 6 E"):
        assert len(drawn(scenes.eight_gpus, size, keys).splitlines()) == size[1]
