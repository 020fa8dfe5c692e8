"""Putting right what a crash left behind: lost leases, jobs without work, followers without a leader."""

from collections.abc import Collection, Sequence

import msgspec
import sqlalchemy as sa

from appliance.errors import WorkerLost
from appliance.jobs.documents import Failure
from appliance.jobs.endings import Ending, end_targets, fail_jobs, settle_followers, settle_jobs
from appliance.jobs.locks import got_name, hold_jobs_and_followers, hold_names, hold_targets
from appliance.jobs.planning import plan_targets
from appliance.jobs.registry import dead_on_this_host, no_longer_living
from appliance.jobs.states import FINAL_TARGET, OPEN_ITEM, OPEN_JOB, OPEN_TARGET, ItemState, TargetState
from appliance.jobs.usage import note_promoted
from appliance.storage.database import Database
from appliance.storage.sets import among
from appliance.storage.tables import jobs, targets, work_items
from appliance.telemetry.noting import note
from appliance.voices.profile_documents import SampleFault
from appliance.voices.profile_rows import hold_profiles_of_items, refuse_samples, samples_of

_FINAL_TARGET = [state.value for state in FINAL_TARGET]
RETURNED_AT_ONCE = 1
"""After so many losses an item is returned as soon as its worker is known to be dead; after more only when its lease
ends. Nobody dies twice of another's recording, so it is the likely killer: meanwhile the workers that it killed come
back, and those that are left do everybody else's work."""


class Reconciled(msgspec.Struct, kw_only=True):
    """How much one round put right."""

    returned: int = 0
    lost: int = 0
    replanned: int = 0
    settled: int = 0

    @property
    def all(self) -> int:
        """Return how much that is together."""
        return self.returned + self.lost + self.replanned + self.settled

    def __bool__(self) -> bool:
        """Return whether anything was put right."""
        return self.all > 0


def reconcile(database: Database, attempts_cap: int, *, wait: bool = False) -> Reconciled:
    """Do one round; safe to run in any number of processes at once.

    While another process does one this returns at once, or with `wait` does its own afterwards: for who knows of
    something that the other round may have been too early to see.
    """
    with database.write() as connection:
        if wait:
            hold_names(connection, ["reconcile"])
        return put_right(connection, database.now_s(connection), attempts_cap, wait=wait)


def put_right(connection: sa.Connection, now_s: float, attempts_cap: int, *, wait: bool = False) -> Reconciled:
    """Do one round in this transaction.

    A job that somebody else holds is being worked on, and left to the next round unless this one shall `wait`.
    """
    done = Reconciled()
    # One round at a time: two that see the same idle target would both plan its work.
    if not got_name(connection, "reconcile"):
        return done
    dead = dead_on_this_host(connection)
    if dead:
        # Otherwise slots would go on being kept in them, and work be promised to them.
        no_longer_living(connection, dead)
    lost = _lost_items(dead, attempts_cap, now_s)
    _return_samples(connection, lost, dead, attempts_cap, now_s, done)
    lost = lost.where(work_items.c.job_id.is_not(None))
    searches = (lost, _orphaned(), _deserted(), _idle(), _unsettled())
    touched = {row.job_id for search in searches for row in connection.execute(search)}
    if not touched:
        return done
    # Locked before anything is written, and everything looked for again afterwards.
    held = hold_jobs_and_followers(connection, touched, wait=wait)
    hold_targets(connection, held)
    items = _of(connection, lost.with_for_update(skip_locked=True), held)
    _give_up(connection, _returned(connection, items, dead, attempts_cap, done), now_s)
    leaders = {row.leader_id for row in _of(connection, _orphaned(), held)}
    done.settled = settle_followers(connection, leaders, now_s) + _free(connection, held, now_s)
    done.replanned = _replan(connection, held, now_s)
    return done


def _returned(
    connection: sa.Connection, items: Sequence[sa.Row], dead: Sequence[str], attempts_cap: int, done: Reconciled
) -> list[sa.Row]:
    """Make lost items runnable again; return those that were tried often enough, which fail instead."""
    for item in items:
        note(connection, "attempts_lost", "worker_dead" if item.worker_id in dead else "lease_over")
    spent = [item for item in items if item.attempts >= attempts_cap]
    _move(connection, [item for item in items if item.attempts < attempts_cap], ItemState.READY)
    _move(connection, spent, ItemState.FAILED)
    done.returned += len(items) - len(spent)
    done.lost += len(spent)
    return spent


def _return_samples(
    connection: sa.Connection, lost: sa.Select, dead: Sequence[str], attempts_cap: int, now_s: float, done: Reconciled
) -> None:
    """Do the same for items of voice profiles' samples; one that is given up is refused, and its recording goes later.

    Housekeeping deletes it as an object that no row names: it is sealed.
    """
    lost = lost.where(work_items.c.sample_id.is_not(None)).add_columns(work_items.c.sample_id)
    found = connection.execute(lost).all()
    if not found:
        return
    held = hold_profiles_of_items(connection, [item.id for item in found])
    mine = lost.where(work_items.c.sample_id.in_(samples_of(held))).with_for_update(skip_locked=True)
    spent = _returned(connection, connection.execute(mine).all(), dead, attempts_cap, done)
    reason = SampleFault(WorkerLost.code, WorkerLost.title())
    refuse_samples(connection, [item.sample_id for item in spent], reason, now_s)


def _of(connection: sa.Connection, search: sa.Select, job_ids: Collection[str]) -> Sequence[sa.Row]:
    return connection.execute(search.where(among(connection, search.selected_columns.job_id, job_ids))).all()


def _lost_items(dead: Sequence[str], attempts_cap: int, now_s: float) -> sa.Select:
    at_once = sa.or_(work_items.c.attempts <= RETURNED_AT_ONCE, work_items.c.attempts >= attempts_cap)
    return sa.select(
        work_items.c.job_id, work_items.c.id, work_items.c.target_id, work_items.c.worker_id, work_items.c.attempts
    ).where(
        work_items.c.state == ItemState.CLAIMED,
        sa.or_(work_items.c.lease_until_s < now_s, sa.and_(work_items.c.worker_id.in_(dead), at_once)),
    )


def _move(connection: sa.Connection, items: Sequence[sa.Row], state: ItemState) -> None:
    if items:
        connection.execute(
            sa.update(work_items)
            .where(among(connection, work_items.c.id, [item.id for item in items]))
            .values(state=state, lease_until_s=None, worker_id=None)
        )


def _give_up(connection: sa.Connection, items: Sequence[sa.Row], now_s: float) -> None:
    """Fail what these items were for: they were tried often enough."""
    reason = Failure(WorkerLost.code, WorkerLost.title())
    of_targets = [item.target_id for item in items if item.target_id is not None]
    end_targets(connection, [Ending(target_id, TargetState.FAILED, error=reason) for target_id in of_targets], now_s)
    fail_jobs(connection, {item.job_id: reason for item in items if item.target_id is None}, now_s)


def _orphaned() -> sa.Select:
    """Select leaders that have ended while somebody follows them."""
    leader = targets.alias("leader")
    return (
        sa.select(leader.c.job_id, leader.c.id.label("leader_id"))
        .join(targets, targets.c.follows_id == leader.c.id)
        .join(jobs, jobs.c.id == targets.c.job_id)
        .where(jobs.c.state.in_(OPEN_JOB), leader.c.state.in_(_FINAL_TARGET), targets.c.state.in_(OPEN_TARGET))
    )


def _deserted() -> sa.Select:
    """Select followers whose leader is gone."""
    leader = targets.alias("leader")
    return (
        sa.select(targets.c.job_id, targets.c.id)
        .join(jobs, jobs.c.id == targets.c.job_id)
        .join(leader, targets.c.follows_id == leader.c.id, isouter=True)
        .where(
            jobs.c.state.in_(OPEN_JOB),
            targets.c.follows_id.is_not(None),
            leader.c.id.is_(None),
            targets.c.state.in_(OPEN_TARGET),
        )
    )


def _free(connection: sa.Connection, held: Collection[str], now_s: float) -> int:
    """Let deserted followers be computed."""
    deserted = [row.id for row in _of(connection, _deserted(), held)]
    if deserted:
        connection.execute(sa.update(targets).where(among(connection, targets.c.id, deserted)).values(follows_id=None))
        note_promoted(connection, deserted)
        plan_targets(connection, deserted, now_s)
    return len(deserted)


def _idle() -> sa.Select:
    """Select open targets without any open work."""
    working = (
        sa.select(work_items.c.id)
        .where(
            work_items.c.job_id == targets.c.job_id,
            work_items.c.state.in_(OPEN_ITEM),
            sa.or_(work_items.c.target_id == targets.c.id, work_items.c.target_id.is_(None)),
        )
        .exists()
    )
    return (
        sa.select(targets.c.job_id, targets.c.id)
        .join(jobs, jobs.c.id == targets.c.job_id)
        .where(jobs.c.state.in_(OPEN_JOB), targets.c.state.in_(OPEN_TARGET), targets.c.follows_id.is_(None), ~working)
    )


def _unsettled() -> sa.Select:
    """Select open jobs whose targets have all ended."""
    open_targets = (
        sa.select(targets.c.id).where(targets.c.job_id == jobs.c.id, targets.c.state.in_(OPEN_TARGET)).exists()
    )
    return sa.select(jobs.c.id.label("job_id")).where(jobs.c.state.in_(OPEN_JOB), ~open_targets)


def _replan(connection: sa.Connection, held: Collection[str], now_s: float) -> int:
    """Give open targets without any open work the work they need; jobs whose targets all ended get their state."""
    idle = [row.id for row in _of(connection, _idle(), held)]
    plan_targets(connection, idle, now_s)
    unsettled = [row.job_id for row in _of(connection, _unsettled(), held)]
    settle_jobs(connection, unsettled, now_s)
    return len(idle) + len(unsettled)
