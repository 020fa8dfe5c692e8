"""What transactions on PostgreSQL hold so that they wait for each other instead of racing or dead-locking.

SQLite has one writer at a time (`Database.write`), so there nothing needs to be held.
"""

import sqlalchemy as sa

from appliance.storage.tables import jobs


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


def hold_job(connection: sa.Connection, job_id: str) -> None:
    """Lock a job's row; whoever writes its targets or work items does this first.

    In any other order a cancellation (targets, then items) and a stage (its item, then its target) wait for each other
    until PostgreSQL ends one of them. And of two targets that end together, the second sees the first.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(jobs.c.id).where(jobs.c.id == job_id).with_for_update())
