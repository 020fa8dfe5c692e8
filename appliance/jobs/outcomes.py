"""How targets and jobs end: each exactly once, with followers, job state and webhook in the same transaction."""

from typing import Any

import msgspec
import sqlalchemy as sa

from appliance.jobs.documents import Failure
from appliance.jobs.events import record_receipts
from appliance.jobs.items import add_item, hear_key, translate_key
from appliance.jobs.locks import hold_job
from appliance.jobs.outbox import queue_message
from appliance.jobs.query import target_states
from appliance.jobs.states import FINAL_JOB, FINAL_TARGET, ItemState, Stage, TargetState, job_state
from appliance.jobs.usage import note_ended, note_promoted
from appliance.storage.tables import jobs, targets, work_items
from appliance.telemetry.noting import note

_OPEN_TARGET = [state.value for state in TargetState if state not in FINAL_TARGET]
_OPEN_ITEM = (ItemState.READY, ItemState.CLAIMED)


def end_target(
    connection: sa.Connection,
    target_id: str,
    state: TargetState,
    now_s: float,
    *,
    spoken: dict[str, Any] | None = None,
    error: Failure | None = None,
) -> bool:
    """Bring a target to a final state unless it has one; settle its followers and its job. Return whether it moved.

    What it took and what it measured as is written down with it.
    """
    values: dict[str, Any] = {"state": state, "finished_s": now_s}
    if spoken is not None:
        values["spoken"] = spoken
    if error is not None:
        values["error"] = msgspec.to_builtins(error)
    job_id = connection.scalar(sa.select(targets.c.job_id).where(targets.c.id == target_id))
    if job_id is None:
        return False
    hold_job(connection, job_id)
    moved = connection.execute(
        sa.update(targets).where(targets.c.id == target_id, targets.c.state.in_(_OPEN_TARGET)).values(**values)
    )
    if moved.rowcount != 1:
        return False
    _close_items(connection, work_items.c.target_id == target_id)
    note_ended(connection, target_id)
    record_receipts(connection, [target_id], now_s)
    settle_job(connection, job_id, now_s)
    settle_followers(connection, target_id, now_s)
    return True


def fail_job(connection: sa.Connection, job_id: str, error: Failure, now_s: float) -> None:
    """Fail every open target of a job for one reason, and so the job."""
    _end_all(connection, job_id, TargetState.FAILED, now_s, error)


def cancel_targets(connection: sa.Connection, job_id: str, now_s: float) -> None:
    """Cancel every open target of a job and take back its work; a running stage's write will find its fence stale."""
    _end_all(connection, job_id, TargetState.CANCELLED, now_s, None)


def settle_job(connection: sa.Connection, job_id: str, now_s: float) -> None:
    """Give the job the state that follows from its targets; a final one is entered once and queues the webhook."""
    hold_job(connection, job_id)
    state = job_state(target_states(connection, job_id))
    final = state in FINAL_JOB
    row = connection.execute(
        sa.update(jobs)
        .where(jobs.c.id == job_id, jobs.c.state.not_in([s.value for s in FINAL_JOB]))
        .values(state=state, finished_s=now_s if final else None)
        .returning(jobs.c.request, jobs.c.application_id)
    ).first()
    if row is None or not final:
        return
    note(connection, "jobs_finished", state)
    _close_items(connection, work_items.c.job_id == job_id)
    if destination := row.request.get("webhook_url"):
        queue_message(connection, job_id, row.application_id, destination, now_s)


def settle_followers(connection: sa.Connection, leader_id: str, now_s: float) -> None:
    """Give the leader's outcome to those that wait for it; after a cancelled leader, the first takes its place."""
    followers = connection.execute(
        sa.select(targets.c.id, targets.c.job_id)
        .join(jobs, jobs.c.id == targets.c.job_id)
        .where(targets.c.follows_id == leader_id, targets.c.state.in_(_OPEN_TARGET))
        .order_by(jobs.c.accepted_s, targets.c.id)
    ).all()
    if not followers:
        return
    leader = connection.execute(sa.select(targets).where(targets.c.id == leader_id)).mappings().one()
    if leader["state"] == TargetState.CANCELLED:
        heir, *rest = followers
        hold_job(connection, heir.job_id)
        connection.execute(sa.update(targets).where(targets.c.id == heir.id).values(follows_id=None))
        connection.execute(
            sa.update(targets).where(targets.c.id.in_([row.id for row in rest])).values(follows_id=heir.id)
        )
        note_promoted(connection, heir.id)
        plan_target(connection, heir.id, now_s)
        return
    source = connection.scalar(sa.select(jobs.c.source).where(jobs.c.id == leader["job_id"]))
    for follower in followers:
        hold_job(connection, follower.job_id)
        if source is not None:
            connection.execute(
                sa.update(jobs)
                .where(jobs.c.id == follower.job_id, jobs.c.source.is_(None))
                .values(source={**source, "cached": True})
            )
        connection.execute(
            sa.update(targets)
            .where(targets.c.id == follower.id)
            .values(translation=leader["translation"], cached=leader["error"] is None)
        )
        error = msgspec.convert(leader["error"], Failure) if leader["error"] else None
        end_target(
            connection, follower.id, TargetState(leader["state"]), now_s, spoken=leader["spoken"], error=error
        )  # fmt: skip


def plan_target(connection: sa.Connection, target_id: str, now_s: float) -> None:
    """Add the next work item that an open target needs: translation when its source is known, else transcription."""
    row = connection.execute(
        sa.select(targets.c.job_id, targets.c.language, jobs.c.source, jobs.c.deadline_s, jobs.c.audio)
        .join(jobs, jobs.c.id == targets.c.job_id)
        .where(targets.c.id == target_id)
    ).one()
    if row.source is not None:
        connection.execute(sa.update(targets).where(targets.c.id == target_id).values(state=TargetState.TRANSLATING))
        add_item(
            connection, job_id=row.job_id, target_id=target_id, stage=Stage.TRANSLATE, now_s=now_s,
            batch_key=translate_key(row.source["language"], row.language), deadline_s=row.deadline_s,
        )  # fmt: skip
    elif not _transcription_planned(connection, row.job_id):
        add_item(
            connection, job_id=row.job_id, target_id=None, stage=Stage.TRANSCRIBE, now_s=now_s,
            batch_key=hear_key(row.audio["duration_s"]), deadline_s=row.deadline_s,
        )  # fmt: skip


def _transcription_planned(connection: sa.Connection, job_id: str) -> bool:
    found = connection.scalar(
        sa.select(work_items.c.id).where(
            work_items.c.job_id == job_id, work_items.c.target_id.is_(None), work_items.c.state.in_(_OPEN_ITEM)
        )
    )
    return found is not None


def _end_all(connection: sa.Connection, job_id: str, state: TargetState, now_s: float, error: Failure | None) -> None:
    hold_job(connection, job_id)
    open_ids = connection.scalars(
        sa.select(targets.c.id).where(targets.c.job_id == job_id, targets.c.state.in_(_OPEN_TARGET))
    ).all()
    if error is not None:
        connection.execute(sa.update(jobs).where(jobs.c.id == job_id).values(error=msgspec.to_builtins(error)))
    for target_id in open_ids:
        end_target(connection, target_id, state, now_s, error=error)


def _close_items(connection: sa.Connection, which: sa.ColumnElement[bool]) -> None:
    connection.execute(
        sa.update(work_items).where(which, work_items.c.state.in_(_OPEN_ITEM)).values(state=ItemState.CANCELLED)
    )
