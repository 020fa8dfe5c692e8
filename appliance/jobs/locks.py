"""What transactions on PostgreSQL hold so that they wait for each other instead of racing or dead-locking.

Everybody locks in one order: jobs by id, then their targets by id, then everything else; of that kept answers before
events, and the name `purges` last. Who finds out later that it needs another job takes it only where nobody holds it
(`wait=False`), and leaves it to the next round of reconciling otherwise. SQLite has one writer at a time
(`Database.write`), so there nothing needs to be held.
"""

from collections.abc import Collection

import sqlalchemy as sa

from appliance.storage.sets import among
from appliance.storage.tables import jobs, targets


def hold_names(connection: sa.Connection, names: list[str]) -> None:
    """Be the only transaction that holds any of these names, from here to its end; waits for others."""
    if connection.dialect.name == "postgresql":
        for name in sorted(names):
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": name})


def got_name(connection: sa.Connection, name: str) -> bool:
    """Return whether this transaction is the only one that holds the name, without waiting."""
    if connection.dialect.name != "postgresql":
        return True
    return bool(
        connection.scalar(sa.text("SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": name})
    )


def hold_jobs(connection: sa.Connection, job_ids: Collection[str], *, wait: bool = True) -> set[str]:
    """Lock jobs' rows and return the ids of those held; whoever writes their targets or work items does this first.

    In any other order a cancellation (targets, then items) and a stage (its items, then their targets) wait for each
    other until PostgreSQL ends one of them. And of two targets that end together, the second sees the first.
    """
    if connection.dialect.name != "postgresql" or not job_ids:
        return set(job_ids)
    rows = sa.select(jobs.c.id).where(among(connection, jobs.c.id, job_ids)).order_by(jobs.c.id)
    return set(connection.scalars(rows.with_for_update(skip_locked=not wait)))


def hold_jobs_and_followers(connection: sa.Connection, job_ids: Collection[str], *, wait: bool = True) -> set[str]:
    """Lock these jobs' rows with those of all jobs that follow a language of theirs, and return the ids of those held.

    For whoever ends languages: their followers end with them, in the same transaction.
    """
    if connection.dialect.name != "postgresql" or not job_ids:
        return set(job_ids)
    leader = targets.alias("leader")
    following = (
        sa.select(targets.c.job_id)
        .distinct()
        .join(leader, targets.c.follows_id == leader.c.id)
        .where(among(connection, leader.c.job_id, job_ids))
    )
    return hold_jobs(connection, {*job_ids, *connection.scalars(following)}, wait=wait)


def hold_targets(connection: sa.Connection, job_ids: Collection[str]) -> None:
    """Lock the rows of all targets of jobs that are held: a submission locks those that it wants to follow."""
    if connection.dialect.name == "postgresql":
        rows = sa.select(targets.c.id).where(among(connection, targets.c.job_id, job_ids)).order_by(targets.c.id)
        connection.execute(rows.with_for_update()).all()
