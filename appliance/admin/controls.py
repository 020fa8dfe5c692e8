"""What operators can do to lanes, workers and jobs, each in the transaction of its audit."""

import sqlalchemy as sa

from appliance.admin.action_types import ActionAnswer
from appliance.admin.actions import Ask, Do, conflict
from appliance.admin.lanes import lane_key, lane_state, running_in
from appliance.admin.live_types import STALE_S
from appliance.admin.workers import worker_state
from appliance.errors import NotFound
from appliance.jobs.endings import cancel_targets
from appliance.jobs.lanes import Pause, hold_lanes, load_pauses, pause_lane, resume_lane, set_draining
from appliance.jobs.locks import hold_jobs_and_followers
from appliance.jobs.reserved import VIEW_S
from appliance.jobs.states import FINAL_JOB, ItemState, JobState
from appliance.storage.tables import jobs, work_items, workers


def pause(ask: Ask) -> Do:
    """Return what pauses a lane: no worker takes its work; what runs is finished."""

    def do(connection: sa.Connection, now_s: float) -> ActionAnswer:
        lane = lane_key(ask.subject)
        hold_lanes(connection)
        known, running = load_pauses(connection).get(lane), running_in(connection, lane)
        if known is not None:
            state = lane_state(now_s - known.since_s, running)
            raise conflict(state, f"{ask.subject} was paused by {known.actor} {now_s - known.since_s:.0f} s ago.")
        pause_lane(connection, lane, Pause(since_s=now_s, actor=ask.actor.name, reason=ask.reason))
        says = f"{ask.subject} is pausing: workers see it within {VIEW_S:.0f} s, {running} items still run."
        return _answer(ask, lane_state(0.0, running), says, running)

    return do


def resume(ask: Ask) -> Do:
    """Return what lets a lane's work be taken again."""

    def do(connection: sa.Connection, now_s: float) -> ActionAnswer:
        lane = lane_key(ask.subject)
        hold_lanes(connection)
        if lane not in load_pauses(connection):
            raise conflict("open", f"{ask.subject} is not paused.")
        resume_lane(connection, lane)
        return _answer(ask, "open", f"{ask.subject} is open.", running_in(connection, lane))

    return do


def cancel(ask: Ask) -> Do:
    """Return what cancels a job; languages that are finished keep their audio."""

    def do(connection: sa.Connection, now_s: float) -> ActionAnswer:
        # All that the cancellation holds at once: taken in turns, a batch that ends the job would wait for us as well.
        hold_jobs_and_followers(connection, [ask.subject])
        state = _job_state(connection, ask.subject)
        if state in FINAL_JOB:
            raise conflict(state, f"The job has already ended: {state}.")
        cancel_targets(connection, ask.subject, now_s)
        state = _job_state(connection, ask.subject)
        return _answer(ask, state, f"The job is {state}; a batch in hand drops what it made for it.")

    return do


def drain(ask: Ask) -> Do:
    """Return what lets a worker take nothing more; it lives on and finishes what it has."""

    def do(connection: sa.Connection, now_s: float) -> ActionAnswer:
        row, running = _worker(connection, ask.subject, now_s)
        if row.draining_s is not None:
            state = worker_state(now_s - row.draining_s, running > 0, now_s - row.seen_s)
            raise conflict(state, "The worker takes nothing more already.")
        set_draining(connection, ask.subject, now_s)
        state = worker_state(0.0, running > 0, now_s - row.seen_s)
        says = f"The worker sees it within {VIEW_S:.0f} s and takes nothing more; {running} items still run."
        return _answer(ask, state, says, running)

    return do


def undrain(ask: Ask) -> Do:
    """Return what lets a worker take work again."""

    def do(connection: sa.Connection, now_s: float) -> ActionAnswer:
        row, running = _worker(connection, ask.subject, now_s)
        state = worker_state(None, running > 0, now_s - row.seen_s)
        if row.draining_s is None:
            raise conflict(state, "The worker takes work.")
        set_draining(connection, ask.subject, None)
        return _answer(ask, state, "The worker takes work again.", running)

    return do


def _answer(ask: Ask, state: str, says: str, running: int | None = None) -> ActionAnswer:
    return ActionAnswer(action=ask.action, subject=ask.subject, state=state, says=says, running=running)


def _job_state(connection: sa.Connection, job_id: str) -> JobState:
    state = connection.scalar(sa.select(jobs.c.state).where(jobs.c.id == job_id))
    if state is None:
        raise NotFound("There is no such job.")
    return JobState(state)


def _worker(connection: sa.Connection, worker_id: str, now_s: float) -> tuple[sa.Row, int]:
    """Return a worker's row, held, with how many items it has in hand; a worker that is gone is not found."""
    row = connection.execute(
        sa.select(workers.c.seen_s, workers.c.draining_s).where(workers.c.id == worker_id).with_for_update()
    ).first()
    if row is None or row.seen_s < now_s - STALE_S:
        raise NotFound("There is no such worker, or it has not reported for a while.")
    held = sa.select(sa.func.count()).where(
        work_items.c.worker_id == worker_id, work_items.c.state == ItemState.CLAIMED
    )  # fmt: skip
    return row, connection.scalar(held) or 0
