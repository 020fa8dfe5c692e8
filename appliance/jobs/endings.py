"""How targets and jobs end: each exactly once, with followers, job state and webhook in the same transaction.

Everything here works on sets of rows whose jobs the caller holds (`hold_jobs_and_followers`), or has just made.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from appliance.jobs.documents import Failure, Spoken
from appliance.jobs.ended import Siblings, ended_targets, siblings_of, states_of
from appliance.jobs.events import record_receipts
from appliance.jobs.locks import hold_jobs, hold_jobs_and_followers, hold_targets
from appliance.jobs.measured import note_job_ended, note_receipts
from appliance.jobs.outbox import Notice, queue_messages
from appliance.jobs.planning import plan_targets
from appliance.jobs.states import FINAL_JOB, OPEN_ITEM, OPEN_JOB, OPEN_TARGET, ItemState, TargetState, job_state
from appliance.jobs.usage import note_ended, note_promoted, stored_bytes
from appliance.storage.sets import among, update_rows
from appliance.storage.tables import jobs, targets, work_items


class Ending(NamedTuple):
    """How one target ends: the audio that it ends with, or why there is none."""

    target_id: str
    state: TargetState
    spoken: Spoken | dict[str, Any] | None = None
    error: Failure | dict[str, Any] | None = None


def end_targets(connection: sa.Connection, endings: Sequence[Ending], now_s: float) -> set[str]:
    """Bring targets to their final states unless they have one; settle their jobs and followers. Return which moved.

    What they took and what they measured as is written down with it.
    """
    if not endings:
        return set()
    job_of = _open_targets(connection, [ending.target_id for ending in endings])
    moving = sorted((ending for ending in endings if ending.target_id in job_of), key=lambda ending: ending.target_id)
    if not moving:
        return set()
    rows = [
        {
            "id": ending.target_id,
            "state": ending.state,
            "finished_s": now_s,
            "spoken": ending.spoken,
            "error": ending.error,
        }
        for ending in moving
    ]
    update_rows(connection, targets, rows)
    _close_items(connection, work_items.c.target_id, job_of)
    siblings = siblings_of(connection, set(job_of.values()))
    ended = ended_targets(connection, job_of)
    note_ended(connection, ended, siblings)
    record_receipts(connection, ended, siblings, now_s)
    note_receipts(connection, ended)
    _settle(connection, siblings, now_s, stored_bytes(ended))
    settle_followers(connection, job_of, now_s)
    return set(job_of)


def fail_jobs(connection: sa.Connection, reasons: Mapping[str, Failure], now_s: float) -> None:
    """Fail every open target of jobs, each job for one reason, and so the jobs."""
    if not reasons:
        return
    update_rows(connection, jobs, [{"id": job_id, "error": reason} for job_id, reason in reasons.items()])
    endings = [
        Ending(row.id, TargetState.FAILED, error=reasons[row.job_id])
        for row in _open_targets_of_jobs(connection, reasons)
    ]
    end_targets(connection, endings, now_s)


def cancel_targets(connection: sa.Connection, job_id: str, now_s: float) -> None:
    """Cancel every open target of a job and take back its work; a running stage's write will find its fence stale."""
    cancel_targets_of_jobs(connection, [job_id], now_s)


def cancel_targets_of_jobs(connection: sa.Connection, job_ids: Collection[str], now_s: float) -> None:
    """Cancel every open target of several jobs, and hold all of these jobs to the end of the transaction."""
    hold_jobs_and_followers(connection, job_ids)
    hold_targets(connection, job_ids)
    endings = [Ending(row.id, TargetState.CANCELLED) for row in _open_targets_of_jobs(connection, job_ids)]
    end_targets(connection, endings, now_s)


def settle_jobs(connection: sa.Connection, job_ids: Collection[str], now_s: float) -> None:
    """Give jobs the states that follow from their targets; a final one is entered once and queues the webhook."""
    if job_ids:
        _settle(connection, siblings_of(connection, job_ids), now_s)


def settle_followers(connection: sa.Connection, leader_ids: Collection[str], now_s: float) -> int:
    """Give ended leaders' outcomes to those that wait for them, and return how many leaders had any.

    After a cancelled leader, the first of its followers takes its place. A follower that came so late that its job is
    somebody else's at this moment is left to the reconciler.
    """
    waiting = connection.execute(
        sa.select(targets.c.id, targets.c.job_id, targets.c.follows_id, jobs.c.source.is_not(None).label("heard"))
        .join(jobs, jobs.c.id == targets.c.job_id)
        .where(among(connection, targets.c.follows_id, leader_ids), targets.c.state.in_(OPEN_TARGET))
        .order_by(jobs.c.accepted_s, targets.c.id)
    ).all()
    if not waiting:
        return 0
    held = hold_jobs(connection, {row.job_id for row in waiting}, wait=False)
    followers: dict[str, list[sa.Row]] = {}
    for row in waiting:
        if row.job_id in held:
            followers.setdefault(row.follows_id, []).append(row)
    leaders = connection.execute(
        sa.select(targets, jobs.c.source)
        .join(jobs, jobs.c.id == targets.c.job_id)
        .where(among(connection, targets.c.id, followers))
    ).all()
    cancelled = [followers[leader.id] for leader in leaders if leader.state == TargetState.CANCELLED]
    _promote(connection, cancelled, now_s)
    answered = [
        (leader, row) for leader in leaders if leader.state != TargetState.CANCELLED for row in followers[leader.id]
    ]
    _answer(connection, answered, now_s)
    return len(followers)


def _promote(connection: sa.Connection, groups: Sequence[Sequence[sa.Row]], now_s: float) -> None:
    """Let the first of each group compute what all of it waits for."""
    if not groups:
        return
    heirs = [heir.id for heir, *_ in groups]
    rows = [
        {"id": row.id, "follows_id": None if row is heir else heir.id}
        for heir, *rest in groups
        for row in (heir, *rest)
    ]
    update_rows(connection, targets, rows)
    note_promoted(connection, heirs)
    plan_targets(connection, heirs, now_s)


def _answer(connection: sa.Connection, answered: Sequence[tuple[sa.Row, sa.Row]], now_s: float) -> None:
    """End followers as their leaders have ended: pairs of a leader's whole row and a follower's."""
    if not answered:
        return
    sources = [
        {"id": row.job_id, "source": {**leader.source, "cached": True}}
        for leader, row in answered
        if leader.source is not None and not row.heard
    ]
    update_rows(connection, jobs, sources)
    rows = [
        {"id": row.id, "translation": leader.translation, "cached": leader.error is None} for leader, row in answered
    ]
    update_rows(connection, targets, rows)
    endings = [Ending(row.id, TargetState(leader.state), leader.spoken, leader.error) for leader, row in answered]
    end_targets(connection, endings, now_s)


def _settle(
    connection: sa.Connection, siblings: Siblings, now_s: float, more_bytes: Mapping[str, int] | None = None
) -> None:
    """Give jobs their states, and the bytes of new results."""
    more_bytes = more_bytes or {}
    standing = connection.execute(
        sa.select(
            jobs.c.id,
            jobs.c.state,
            jobs.c.stored_bytes,
            jobs.c.application_id,
            jobs.c.priority,
            jobs.c.accepted_s,
            jobs.c.deadline_s,
            jobs.c.request["webhook_url"].as_string().label("webhook"),
        ).where(among(connection, jobs.c.id, siblings), jobs.c.state.in_(OPEN_JOB))
    ).all()
    states = {row.id: job_state(states_of(siblings[row.id])) for row in standing}
    final = [row for row in standing if states[row.id] in FINAL_JOB]
    rows = [
        {
            "id": row.id,
            "state": states[row.id],
            "stored_bytes": row.stored_bytes + more_bytes.get(row.id, 0),
            "finished_s": now_s if states[row.id] in FINAL_JOB else None,
        }
        for row in standing
        if states[row.id] != row.state or row.id in more_bytes
    ]
    update_rows(connection, jobs, rows)
    if not final:
        return
    for row in final:
        note_job_ended(connection, row, states[row.id], now_s)
    _close_items(connection, work_items.c.job_id, [row.id for row in final])
    notices = [Notice(row.id, row.application_id, row.webhook) for row in final if row.webhook]
    queue_messages(connection, notices, now_s)


def _open_targets(connection: sa.Connection, target_ids: Collection[str]) -> dict[str, str]:
    rows = connection.execute(
        sa.select(targets.c.id, targets.c.job_id).where(
            among(connection, targets.c.id, target_ids), targets.c.state.in_(OPEN_TARGET)
        )
    )
    return {row.id: row.job_id for row in rows}


def _open_targets_of_jobs(connection: sa.Connection, job_ids: Collection[str]) -> Sequence[sa.Row]:
    return connection.execute(
        sa.select(targets.c.id, targets.c.job_id).where(
            among(connection, targets.c.job_id, job_ids), targets.c.state.in_(OPEN_TARGET)
        )
    ).all()


def _close_items(connection: sa.Connection, column: sa.Column[str], values: Collection[str]) -> None:
    mine = among(connection, column, values)
    connection.execute(
        sa.update(work_items).where(mine, work_items.c.state.in_(OPEN_ITEM)).values(state=ItemState.CANCELLED)
    )
