"""A recording as a console makes it, in memory."""

import asyncio
import io

from tests.tui import scenes
from tests.tui.clock import StoppedClock
from tests.tui.scripted_source import ScriptedSource
from tui.acting import pause_or_resume
from tui.recording import Recorder
from tui.source import LaneQuery, Outage

GONE = Outage("offline", "No connection.", 4.0)
QUERY = LaneQuery("hear", 0)
DAY_S = 86_400.0


def recorded() -> bytes:
    """Return what a console saw that looked at one lane and one job while the appliance went and came."""
    clock, file = StoppedClock(), io.BytesIO()
    source = ScriptedSource(scenes.calm(), GONE, scenes.degraded())

    async def record() -> None:
        recorder = Recorder(source, file, clock)
        following = recorder.follow()
        await anext(following)
        await recorder.me()
        await recorder.jobs(QUERY)
        await recorder.job("job-0001")
        await recorder.dead_letters(QUERY)
        await recorder.audit()
        await recorder.quality(DAY_S)
        clock.advance(3.5)
        await anext(following)
        clock.advance(30.0)
        await anext(following)
        source.qualities = {DAY_S: scenes.quality()}
        await recorder.quality(DAY_S)
        await recorder.act(pause_or_resume(scenes.lane("hear", 0)))

    asyncio.run(record())
    assert len(source.actions) == 1
    return file.getvalue()
