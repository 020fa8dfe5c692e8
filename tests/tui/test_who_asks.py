"""Who the console is to the appliance is found out beside the pictures: none waits for it."""

import asyncio

from tests.tui import scenes
from tests.tui.picture_text import lines_of, running, settled
from tests.tui.scripted_source import ScriptedSource
from tui.source import Outage, SourceError


def drive(scenario, source: ScriptedSource) -> None:
    async def run() -> None:
        async with running(source) as (app, pilot):
            await scenario(app, lambda: settled(pilot), pilot)

    asyncio.run(run())


def test_pictures_are_drawn_and_frozen_while_the_answer_is_on_its_way():
    source = ScriptedSource(scenes.degraded())
    source.slow_me = asyncio.Event()

    async def scenario(app, drawn, pilot):
        assert "synthesize.p1  = paused" in "\n".join(lines_of(app))
        assert "anna" not in lines_of(app)[0]
        await pilot.press("space")
        source.tell(scenes.calm())
        await drawn()
        source.slow_me.set()
        await drawn()
        assert "frozen" in lines_of(app)[0]
        assert "anna (operator)" in lines_of(app)[0]
        assert "synthesize.p1  = paused" in "\n".join(lines_of(app))
        await pilot.press("2")
        await drawn()
        assert app.screen.active_bindings["P"].enabled

    drive(scenario, source)


def test_who_may_no_longer_ask_after_an_outage_is_nobody():
    source = ScriptedSource(scenes.degraded())

    async def scenario(app, drawn, pilot):
        assert "anna (operator)" in lines_of(app)[0]
        source.tell(Outage("offline", "No connection.", 1.0))
        await drawn()
        source.role = SourceError("403")
        source.tell(scenes.degraded())
        await drawn()
        assert "live" in lines_of(app)[0]
        assert "anna" not in lines_of(app)[0]
        assert not app.view.may_act
        source.role = "viewer"
        source.tell(scenes.degraded())
        await drawn()
        assert "anna (viewer)" in lines_of(app)[0]

    drive(scenario, source)
