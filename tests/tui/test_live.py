"""The console's source against a live appliance of real processes: what it reads, what it has done, what it may not."""

import asyncio
from dataclasses import replace

import pytest

from tests.processes.conftest import scripted_wav
from tests.tui.live import new_key, source_of
from tui.acting import cancel_item, drain_or_undrain, pause_or_resume, retry_all, retry_letter
from tui.source import Conflict, LaneQuery, Refused

MONTH_S = 30 * 86_400.0


def lane_of(snapshot, stage: str, priority: int):
    return next(lane for lane in snapshot.lanes if (lane.stage, lane.priority) == (stage, priority))


async def seen(following, holds):
    async for snapshot in following:
        if holds(snapshot):
            return snapshot
    raise AssertionError("a source follows for ever")


def test_the_source_reads_and_does_what_a_live_appliance_tells_and_takes(appliance):
    source = source_of(appliance.url, new_key(appliance, "operator")[0])

    async def scenario() -> None:
        me = await source.me()
        assert (me.name, me.role) == ("operator", "operator")
        following = source.follow()
        first, second, third = [await anext(following) for _ in range(3)]
        assert first.sequence <= second.sequence < third.sequence
        assert {worker.state for worker in third.workers} <= {"idle", "busy"}
        await _pause_cancel_resume(following, third)
        await _drain_undrain(following)
        await _retry(following)
        await _windows()
        entries = (await source.audit()).entries
        assert {entry.application for entry in entries} == {"operator"}
        assert {entry.action.split(".")[0] for entry in entries} == {"console"}
        subjects = {(entry.action, entry.result) for entry in entries}
        assert {
            ("console.pause", "done"),
            ("console.pause", "state_conflict"),
            ("console.cancel", "done"),
            ("console.resume", "done"),
            ("console.drain", "done"),
            ("console.undrain", "done"),
            ("console.retry", "done"),
            ("console.retry_many", "done"),
            ("console.retry_many", "state_conflict"),
        } <= subjects
        await following.aclose()
        await source.close()

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

    async def _retry(following) -> None:
        """The engine fails what holds this word, however often it is tried."""
        for words in ("POISON one", "POISON two"):
            await asyncio.to_thread(appliance.submit, scripted_wav(words), "fr")
        dead = await seen(following, lambda each: lane_of(each, "hear", 0).dead == 2)
        letters = (await source.dead_letters(LaneQuery("hear", 0))).dead_letters
        assert {letter.error for letter in letters} == {"engine_failed"}
        retry = retry_letter(letters[0])
        answer = await source.act(retry)
        assert (answer.state, len(answer.job_ids)) == ("retried", 1)
        assert (await source.act(retry)) == answer
        assert (await source.job(letters[0].job_id)).retried_as == answer.job_ids[0]
        # It fails as well, and is a dead letter in the place of the first.
        made = await asyncio.to_thread(appliance.finished, answer.job_ids[0])
        assert made["state"] == "failed"
        lane = lane_of(dead, "hear", 0)
        with pytest.raises(Conflict, match="2 such dead letters"):
            await source.act(retry_all(lane, 7))
        answer = await source.act(retry_all(lane, 2))
        assert len(answer.job_ids) == 2
        assert answer.failed == {}

    async def _windows() -> None:
        month = await source.history(MONTH_S)
        assert (month.window_s, month.step_s) == (MONTH_S, 900.0)
        for window_s in (86_400.0, MONTH_S, 730 * 86_400.0):
            assert (await source.quality(window_s)).window_s == pytest.approx(window_s, rel=0.01)

    asyncio.run(scenario())


def test_a_viewer_looks_and_the_appliance_refuses_what_it_may_not(appliance):
    source = source_of(appliance.url, new_key(appliance, "viewer")[0])

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
