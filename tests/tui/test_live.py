"""The console against a live appliance: what the source decodes, and every action by hand in a terminal.

The appliance is real processes with scripted engines; the terminal is tmux at 80 x 24 and 120 x 40.
"""

import asyncio
import os
import random
import re
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.access.keys import create_key
from appliance.settings import Settings
from appliance.storage.database import Database
from tests.processes.conftest import Appliance, scripted_wav
from tests.services import needed
from tests.tui.terminal import Terminal, terminal
from tui.acting import cancel_item, drain_or_undrain, pause_or_resume
from tui.clock import SystemClock
from tui.http_source import HttpSource
from tui.source import Conflict, LaneQuery, Refused

LANE = "hear.p0"
"""Where the work of the default plan comes first."""
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def appliance(tmp_path) -> Iterator[Appliance]:
    settings = Settings(data_dir=tmp_path, port=0)
    running = Appliance(settings, "appliance.testing.scripted_serve")
    running.start()
    yield running
    if running.process.poll() is None:
        os.killpg(running.process.pid, signal.SIGKILL)
        running.process.wait()


def key_file(appliance: Appliance, role: str) -> Path:
    file = appliance.settings.data_dir / f"{role}.key"
    database = Database(appliance.settings.database)
    file.write_text(create_key(database, role, role).key + "\n")
    database.close()
    return file


def source_of(appliance: Appliance, role: str) -> HttpSource:
    file = key_file(appliance, role)
    return HttpSource(appliance.url, lambda: file.read_text().strip(), SystemClock(), random.random)


def lane_of(snapshot, stage: str, priority: int):
    return next(lane for lane in snapshot.lanes if (lane.stage, lane.priority) == (stage, priority))


def test_the_source_reads_and_does_what_a_live_appliance_tells_and_takes(appliance):
    source = source_of(appliance, "operator")

    async def scenario() -> None:
        me = await source.me()
        assert (me.name, me.role) == ("operator", "operator")
        following = source.follow()
        first, second, third = [await anext(following) for _ in range(3)]
        assert first.sequence <= second.sequence < third.sequence
        assert {worker.state for worker in third.workers} <= {"idle", "busy"}
        await _pause_cancel_resume(following, third)
        await _drain_undrain(following)
        month = await source.history(30 * 86_400.0)
        assert (month.window_s, month.step_s) == (30 * 86_400.0, 900.0)
        subjects = {(entry.action, entry.result) for entry in (await source.audit()).entries}
        assert {
            ("console.pause", "done"),
            ("console.pause", "state_conflict"),
            ("console.cancel", "done"),
            ("console.resume", "done"),
            ("console.drain", "done"),
            ("console.undrain", "done"),
        } <= subjects
        await following.aclose()
        await source.close()

    async def seen(following, holds):
        async for snapshot in following:
            if holds(snapshot):
                return snapshot
        raise AssertionError("a source follows for ever")

    async def _pause_cancel_resume(following, snapshot) -> None:
        for priority in (0, 1, 2):
            open_lane = lane_of(snapshot, "hear", priority)
            await source.act(replace(pause_or_resume(open_lane), reason="by the test"))
            with pytest.raises(Conflict, match="paus"):
                await source.act(replace(pause_or_resume(open_lane), reason="again"))
        paused = await seen(following, lambda each: lane_of(each, "hear", 0).state == "paused")
        assert lane_of(paused, "hear", 0).paused_reason == "by the test"
        # Workers see a pause with their next look.
        await asyncio.sleep(4)
        job_id = await asyncio.to_thread(appliance.submit, scripted_wav("good morning"), "fr")
        waiting = await seen(following, lambda each: any(lane.stage == "hear" and lane.depth for lane in each.lanes))
        lane = next(lane for lane in waiting.lanes if lane.stage == "hear" and lane.depth)
        page = await source.jobs(LaneQuery("hear", lane.priority))
        (item,) = page.jobs
        assert item.job_id == job_id
        assert (await source.job(job_id)).can_cancel
        answer = await source.act(cancel_item(item))
        assert answer.state == "cancelled"
        assert (await source.dead_letters(LaneQuery("hear", lane.priority))).count == 0
        for priority in (0, 1, 2):
            await source.act(pause_or_resume(lane_of(waiting, "hear", priority)))

    async def _drain_undrain(following) -> None:
        snapshot = await seen(following, lambda each: lane_of(each, "hear", 0).state == "open" and each.workers)
        await source.act(replace(drain_or_undrain(snapshot.workers[0]), reason="by the test"))
        drained = await seen(following, lambda each: each.workers and each.workers[0].state == "drained")
        await source.act(drain_or_undrain(drained.workers[0]))
        await seen(following, lambda each: each.workers and each.workers[0].state == "idle")

    asyncio.run(scenario())


def test_a_viewer_looks_and_the_appliance_refuses_what_it_may_not(appliance):
    source = source_of(appliance, "viewer")

    async def scenario() -> None:
        following = source.follow()
        snapshot = await anext(following)
        assert (await source.me()).role == "viewer"
        with pytest.raises(Refused, match="403"):
            await source.act(replace(pause_or_resume(snapshot.lanes[0]), reason="by the test"))
        with pytest.raises(Refused, match="403"):
            await source.audit()
        await following.aclose()
        await source.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
def test_a_person_pauses_cancels_resumes_and_drains_at_a_terminal(appliance, tmp_path, size):
    needed(shutil.which("tmux"), "tmux", "Debian: tmux")
    key = key_file(appliance, "operator")
    command = [sys.executable, "-m", "tui", "--url", appliance.url, "--token-file", str(key)]
    environment = {"PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"}
    with terminal(tmp_path) as tmux:
        tmux.open(command, size, environment)
        tmux.shows("live", "operator (operator)", LANE)
        _pause(tmux)
        # Workers see a pause with their next look, 3 s later at most.
        time.sleep(4)
        job_id = appliance.submit(scripted_wav("good morning"), "fr")
        tmux.until(lambda screen: re.search(rf"{LANE} += paused +1 ", screen) is not None, "the job that waits")
        tmux.press("Enter")
        tmux.shows(job_id[:13], "waiting")
        tmux.press("C")
        tmux.shows("Cancel job", f"Job {job_id}", "No (n)")
        tmux.press("y")
        tmux.shows("Nothing waits and nothing runs.")
        tmux.press("Escape")
        tmux.shows("Enter opens the jobs")
        tmux.press("P")
        tmux.shows("Resume lane", "by hand")
        tmux.press("y")
        tmux.until(lambda screen: re.search(rf"{LANE} +○ idle", screen) is not None, "the lane that is open again")
        _drain_and_undrain(tmux)
        tmux.press("E")
        tmux.shows("console.pause", "console.cancel", "console.resume", "console.drain", "console.undrain")
        _goes_and_comes_back(tmux, appliance)
        tmux.press("q")
        tmux.gone()
    assert appliance.job(job_id)["state"] == "cancelled"


def _pause(tmux: Terminal) -> None:
    tmux.press("2")
    tmux.shows("Enter opens the jobs")
    tmux.press("/")
    tmux.write(LANE)
    tmux.until(lambda screen: "translate.p1" not in screen, "the filtered table")
    tmux.press("Enter")
    tmux.press("P")
    tmux.shows("Pause lane", f"Lane {LANE}", "No (n)")
    _say_yes_with_a_reason(tmux)
    tmux.until(lambda screen: re.search(rf"{LANE} += paused", screen) is not None, "the paused lane")


def _say_yes_with_a_reason(tmux: Terminal) -> None:
    tmux.press("y")
    tmux.shows("A reason is needed")
    tmux.write("by hand")
    tmux.press("Enter")
    # The field hands the keys back a moment later; a y before that is a letter of the reason, and does nothing.
    time.sleep(3)
    tmux.press("y")


def _drain_and_undrain(tmux: Terminal) -> None:
    tmux.press("3")
    tmux.shows("WORKER", "idle")
    tmux.press("D")
    tmux.shows("Drain worker", "No (n)")
    _say_yes_with_a_reason(tmux)
    tmux.shows("= drained")
    tmux.press("D")
    tmux.shows("Undrain worker")
    tmux.press("y")
    tmux.shows("○ idle")


def _goes_and_comes_back(tmux: Terminal, appliance: Appliance) -> None:
    """The appliance is killed and started again at its address; the console says so and goes on."""
    port = int(appliance.url.rsplit(":", 1)[1])
    appliance.kill()
    tmux.shows("offline", "data from", "console.pause")
    appliance.settings = appliance.settings.model_copy(update={"port": port})
    appliance.start()
    tmux.shows("live")
