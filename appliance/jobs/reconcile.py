"""Putting right what a crash left behind: lost leases, jobs without work, followers without a leader."""

from collections.abc import Sequence

import msgspec
import sqlalchemy as sa

from appliance.errors import WorkerLost
from appliance.jobs.documents import Failure
from appliance.jobs.locks import got_name, hold_job, hold_names
from appliance.jobs.outcomes import end_target, fail_job, plan_target, settle_followers, settle_job
from appliance.jobs.registry import dead_on_this_host, no_longer_living
from appliance.jobs.states import FINAL_JOB, FINAL_TARGET, ItemState, JobState, TargetState
from appliance.jobs.usage import note_promoted
from appliance.storage.database import Database
from appliance.storage.tables import jobs, targets, work_items
from appliance.telemetry.noting import note

_OPEN_JOB = [state.value for state in JobState if state not in FINAL_JOB]
"""Named, not negated: jobs have an index on the state, so a round reads the open ones alone."""
_FINAL_TARGET = [state.value for state in FINAL_TARGET]
RETURNED_AT_ONCE = 1
"""After so many losses an item is returned as soon as its worker is known to be dead; after more only when its lease
ends. Nobody dies twice of another's recording, so it is the likely killer: meanwhile the workers that it killed come
back, and those that are left do everybody else's work."""
_OPEN_ITEM = (ItemState.READY, ItemState.CLAIMED)


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
        return put_right(connection, database.now_s(connection), attempts_cap)


def put_right(connection: sa.Connection, now_s: float, attempts_cap: int) -> Reconciled:
    """Do one round in this transaction."""
    done = Reconciled()
    # One round at a time: two that see the same idle target would both plan its work.
    if not got_name(connection, "reconcile"):
        return done
    dead = dead_on_this_host(connection)
    if dead:
        # Otherwise slots would go on being kept in them, and work be promised to them.
        no_longer_living(connection, dead, now_s)
    for item in _lost_items(connection, dead, attempts_cap, now_s):
        cause = "worker_dead" if item["worker_id"] in dead else "lease_over"
        if item["attempts"] >= attempts_cap:
            ended = _give_up(connection, item, now_s)
            done.lost += ended
        else:
            ended = _return(connection, item)
            done.returned += ended
        if ended:
            note(connection, "attempts_lost", cause)
    done.settled = _settle_orphans(connection, now_s)
    done.replanned = _replan(connection, now_s)
    return done


def _lost_items(
    connection: sa.Connection, dead: Sequence[str], attempts_cap: int, now_s: float
) -> Sequence[sa.RowMapping]:  # fmt: skip
    at_once = sa.or_(work_items.c.attempts <= RETURNED_AT_ONCE, work_items.c.attempts >= attempts_cap)
    return (
        connection.execute(
            sa.select(work_items).where(
                work_items.c.state == ItemState.CLAIMED,
                sa.or_(work_items.c.lease_until_s < now_s, sa.and_(work_items.c.worker_id.in_(dead), at_once)),
            )
        )
        .mappings()
        .all()
    )


def _return(connection: sa.Connection, item: sa.RowMapping) -> int:
    return connection.execute(
        _still_lost(item).values(state=ItemState.READY, worker_id=None, lease_until_s=None)
    ).rowcount


def _give_up(connection: sa.Connection, item: sa.RowMapping, now_s: float) -> int:
    hold_job(connection, item["job_id"])
    if connection.execute(_still_lost(item).values(state=ItemState.FAILED, lease_until_s=None)).rowcount != 1:
        return 0
    error = Failure(WorkerLost.code, WorkerLost.title())
    if item["target_id"] is None:
        fail_job(connection, item["job_id"], error, now_s)
    else:
        end_target(connection, item["target_id"], TargetState.FAILED, now_s, error=error)
    return 1


def _still_lost(item: sa.RowMapping) -> sa.Update:
    """Return the update of an item that nobody has finished, renewed or claimed since it was found lost."""
    return sa.update(work_items).where(
        work_items.c.id == item["id"],
        work_items.c.state == ItemState.CLAIMED,
        work_items.c.fence == item["fence"],
        work_items.c.lease_until_s == item["lease_until_s"],
    )


def _settle_orphans(connection: sa.Connection, now_s: float) -> int:
    leader = targets.alias("leader")
    leaders = connection.scalars(
        sa.select(leader.c.id)
        .distinct()
        .join(targets, targets.c.follows_id == leader.c.id)
        .join(jobs, jobs.c.id == targets.c.job_id)
        .where(jobs.c.state.in_(_OPEN_JOB), leader.c.state.in_(_FINAL_TARGET), targets.c.state.not_in(_FINAL_TARGET))
    ).all()
    for leader_id in leaders:
        settle_followers(connection, leader_id, now_s)
    deserted = connection.scalars(
        sa.select(targets.c.id)
        .join(jobs, jobs.c.id == targets.c.job_id)
        .join(leader, targets.c.follows_id == leader.c.id, isouter=True)
        .where(
            jobs.c.state.in_(_OPEN_JOB),
            targets.c.follows_id.is_not(None),
            leader.c.id.is_(None),
            targets.c.state.not_in(_FINAL_TARGET),
        )
    ).all()
    for target_id in deserted:
        connection.execute(sa.update(targets).where(targets.c.id == target_id).values(follows_id=None))
        note_promoted(connection, target_id)
        plan_target(connection, target_id, now_s)
    return len(leaders) + len(deserted)


def _replan(connection: sa.Connection, now_s: float) -> int:
    """Give open targets without any open work the work they need; jobs whose targets all ended get their state."""
    working = (
        sa.select(work_items.c.id)
        .where(
            work_items.c.job_id == targets.c.job_id,
            work_items.c.state.in_(_OPEN_ITEM),
            sa.or_(work_items.c.target_id == targets.c.id, work_items.c.target_id.is_(None)),
        )
        .exists()
    )
    idle = connection.scalars(
        sa.select(targets.c.id)
        .join(jobs, jobs.c.id == targets.c.job_id)
        .where(
            jobs.c.state.in_(_OPEN_JOB), targets.c.state.not_in(_FINAL_TARGET), targets.c.follows_id.is_(None), ~working
        )
    ).all()
    for target_id in idle:
        plan_target(connection, target_id, now_s)
    open_targets = (
        sa.select(targets.c.id).where(targets.c.job_id == jobs.c.id, targets.c.state.not_in(_FINAL_TARGET)).exists()
    )
    unsettled = connection.scalars(sa.select(jobs.c.id).where(jobs.c.state.in_(_OPEN_JOB), ~open_targets)).all()
    for job_id in unsettled:
        settle_job(connection, job_id, now_s)
    return len(idle) + len(unsettled)
