"""The console run without a terminal, and what would stand on it, as text."""

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rich.console import Console as RichConsole
from textual.app import App
from textual.pilot import Pilot

from tests.tui.clock import StoppedClock
from tui.app import Console
from tui.glyphs import UNICODE, Glyphs
from tui.source import Source


@asynccontextmanager
async def running(
    source: Source,
    size: tuple[int, int] = (80, 24),
    *,
    glyphs: Glyphs = UNICODE,
    read_only: bool = False,
    clock: StoppedClock | None = None,
) -> AsyncIterator[tuple[Console, Pilot]]:
    """Yield the application and what presses its keys, with the first news drawn."""
    app = Console(source, clock or StoppedClock(), glyphs, read_only=read_only, interval_s=0.0)
    async with app.run_test(size=size, notifications=True) as pilot:
        await settled(pilot)
        yield app, pilot


async def settled(pilot: Pilot) -> None:
    """Return when everything that was told is drawn."""
    for _ in range(2):
        await pilot.pause()


async def press(pilot: Pilot, *keys: str) -> None:
    """Press keys one after the other, each when all before it is drawn; return when the last one's effect is."""
    await settled(pilot)
    for key in keys:
        await pilot.press(key)
        await settled(pilot)
    await settled(pilot)


def lines_of(app: App) -> list[str]:
    """Return the lines of the whole terminal, without spaces at their ends."""
    width, height = app.size
    console = RichConsole(
        width=width,
        height=height,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        record=True,
        legacy_windows=False,
        safe_box=False,
    )
    console.print(app.screen._compositor.render_update(full=True, screen_stack=app._background_screens))
    return [line.rstrip() for line in console.export_text().splitlines()][:height]


def picture(app: App) -> str:
    """Return them as one text."""
    return "\n".join(lines_of(app)) + "\n"
