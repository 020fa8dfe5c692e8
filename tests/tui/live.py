"""A live appliance with scripted engines for the console, and the console over it without a terminal."""

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from textual.app import App
from textual.pilot import Pilot

from appliance.access.keys import create_key
from appliance.settings import Settings
from appliance.storage.database import Database
from tests.processes.conftest import Appliance
from tests.tui.picture_text import picture
from tui.app import Console
from tui.clock import Clock, SystemClock
from tui.glyphs import UNICODE
from tui.http_source import HttpSource
from tui.source import Source

WAIT_S = 240.0
LOOK_EVERY_S = 0.05


@contextmanager
def living_appliance(folder: Path) -> Iterator[Appliance]:
    """Yield an appliance of real processes; it ends with everything in it."""
    running = Appliance(Settings(data_dir=folder, port=0), "appliance.testing.scripted_serve")
    try:
        running.start()
        yield running
    finally:
        if running.process is not None and running.process.poll() is None:
            os.killpg(running.process.pid, signal.SIGKILL)
            running.process.wait()


def new_key(appliance: Appliance, role: str) -> tuple[Path, str]:
    """Return the file of a new key, and the key's id."""
    database = Database(appliance.settings.database)
    issued = create_key(database, role, role)
    database.close()
    file = appliance.settings.data_dir / f"{role}.key"
    file.write_text(issued.key + "\n")
    return file, issued.id


def source_of(address: str, key: Path, clock: Clock | None = None) -> HttpSource:
    """Return the source that a console has over real HTTP."""
    return HttpSource(address, lambda: key.read_text().strip(), clock or SystemClock(), random.random)


@asynccontextmanager
async def console(
    source: Source, size: tuple[int, int] = (120, 40), clock: Clock | None = None
) -> AsyncIterator[tuple[Console, Pilot]]:
    """Yield the application in real time and what presses its keys."""
    app = Console(source, clock or SystemClock(), UNICODE, interval_s=0.0)
    async with app.run_test(size=size, notifications=True) as pilot:
        yield app, pilot
    await source.close()


async def shows(app: App, *words: str, without: str | None = None) -> str:
    """Return the screen as soon as all these words stand on it, and that one does not."""
    deadline_s = time.monotonic() + WAIT_S
    while True:
        text = picture(app)
        if all(word in text for word in words) and (without is None or without not in text):
            return text
        assert time.monotonic() < deadline_s, f"{words} without {without} never stood on the screen:\n{text}"
        await asyncio.sleep(LOOK_EVERY_S)
