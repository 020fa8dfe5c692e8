"""Whole screens as text, some as SVG with their colours, kept beside the tests: look at what changes, then accept it.

`MEESHY_KEEP_PICTURES=1` writes them anew.
"""

import asyncio
import os
import re
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

WALKS = {
    "calm 80x24": (scenes.calm, SMALL, [("overview_calm_80x24", "")]),
    "degraded 80x24": (
        scenes.degraded,
        SMALL,
        [
            ("overview_degraded_80x24", ""),
            ("workers_80x24", "3"),
            ("latency_80x24", "5"),
            ("quality_80x24", "6"),
            ("quality_months_80x24", "w w"),
            ("events_80x24", "E"),
            ("queues_80x24", "2"),
            ("help_80x24", "question_mark"),
            ("verdict_80x24", "escape v"),
            ("pause_80x24", "2 P"),
            ("retry_all_80x24", "escape down B"),
            ("dead_letters_80x24", "escape d"),
            ("jobs_80x24", "escape up enter"),
            ("job_80x24", "enter"),
            ("filter_80x24", "escape escape slash h e a r"),
        ],
    ),
    "degraded 120x40": (
        scenes.degraded,
        LARGE,
        [
            ("overview_degraded_120x40", ""),
            ("workers_120x40", "3"),
            ("latency_120x40", "5"),
            ("queues_120x40", "2"),
            ("jobs_120x40", "enter"),
            ("quality_120x40", "6"),
            ("quality_months_120x40", "w w"),
            ("events_120x40", "E"),
            ("verdict_120x40", "v"),
        ],
    ),
    "degraded 200x60": (
        scenes.degraded,
        HUGE,
        [("overview_degraded_200x60", ""), ("quality_200x60", "6"), ("quality_months_200x60", "w w")],
    ),
    "no gpu 120x40": (scenes.no_gpu, LARGE, [("overview_no_gpu_120x40", "")]),
    "eight gpus 120x40": (scenes.eight_gpus, LARGE, [("overview_eight_gpus_120x40", "")]),
    "eight gpus 80x24": (scenes.eight_gpus, SMALL, [("gpu_80x24", "4")]),
    "not read 80x24": (scenes.not_read, SMALL, [("overview_not_read_80x24", ""), ("gpu_not_read_80x24", "4")]),
    "not read 120x40": (scenes.not_read, LARGE, [("overview_not_read_120x40", ""), ("gpu_not_read_120x40", "4")]),
}
"""From screen to screen in one console: a picture's name and the keys that lead there from the one before."""
OTHERS = {"ascii_120x40", "offline_80x24", "refused_80x24"}
DRAWN = ("overview_degraded_80x24", "overview_degraded_120x40", "quality_months_80x24", "pause_80x24")
"""Kept as SVG besides, by `NAME.svg`."""

FRAME = {"#ff5f57", "#febc2e", "#28c840", "#c5c8c6"}
"""What an SVG draws around a terminal: three buttons and the title."""


def walked(scene, size, walk: list[tuple[str, str]], glyphs=UNICODE) -> dict[str, str]:
    """Return the picture at each stop of a walk, and its SVG where that is kept."""

    async def run() -> dict[str, str]:
        pictures = {}
        async with running(ScriptedSource(scene()), size, glyphs=glyphs) as (app, pilot):
            for name, keys in walk:
                for key in keys.split():
                    await pilot.press(key)
                    await settled(pilot)
                pictures[name] = picture(app)
                if name in DRAWN:
                    pictures[f"{name}.svg"] = app.export_screenshot(title=name)
        return pictures

    return asyncio.run(run())


def compare(name: str, text: str) -> None:
    kept = PICTURES / (name if name.endswith(".svg") else f"{name}.txt")
    if os.environ.get("MEESHY_KEEP_PICTURES"):
        kept.write_text(text)
    assert text == kept.read_text(), f"{kept.name} is another one"


@pytest.mark.parametrize("walk", WALKS.values(), ids=WALKS)
def test_screens_look_as_they_were_kept(walk):
    for name, text in walked(*walk).items():
        compare(name, text)


def test_no_picture_is_kept_that_nothing_draws():
    drawn = {name for _, _, walk in WALKS.values() for name, _ in walk}

    assert {path.stem for path in PICTURES.glob("*.txt")} == drawn | OTHERS
    assert {path.stem for path in PICTURES.glob("*.svg")} == set(DRAWN)


def test_every_screen_of_an_ascii_console_is_ascii():
    walk = [("ascii_120x40", ""), *((keys, keys) for keys in ("3", "4", "5", "6", "E", "v", "2", "P", "escape enter"))]
    pictures = walked(scenes.degraded, LARGE, [*walk, ("help", "question_mark"), ("palette", "escape colon")], ASCII)

    for name, text in pictures.items():
        assert text.isascii(), (name, {sign for sign in text if not sign.isascii()})
    compare("ascii_120x40", pictures["ascii_120x40"])


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


def grey(colour: str) -> bool:
    """Tell whether red, green and blue of `#rrggbb` are the same."""
    return colour[1:3] == colour[3:5] == colour[5:7]


def test_without_colour_every_state_is_still_told(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")

    drawings = 0
    for name, text in walked(*WALKS["degraded 80x24"]).items():
        if name.endswith(".svg"):
            drawings += 1
            assert {colour for colour in re.findall(r"#[0-9a-f]{6}", text) if not grey(colour)} <= FRAME, name
        else:
            assert text == (PICTURES / f"{name}.txt").read_text(), name
    assert drawings


@pytest.mark.parametrize("size", [(20, 6), (40, 10), (300, 100)])
def test_no_size_of_terminal_breaks_a_screen(size):
    walk = [(keys, keys) for keys in ("3", "4", "5", "6", "E", "v", "2", "P", "escape enter", "enter", "question_mark")]

    for name, text in walked(scenes.eight_gpus, size, walk).items():
        lines = text.splitlines()
        assert len(lines) == size[1]
        assert max(map(len, lines)) <= size[0], name
        if name not in ("P", "question_mark") and size[0] > 20:
            assert "live" in lines[0], name
            assert "DEGRADED" in lines[1], name
