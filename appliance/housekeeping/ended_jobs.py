"""Jobs that ended before a time, the oldest first."""

import sqlalchemy as sa

from appliance.jobs.states import FINAL_JOB
from appliance.storage.tables import jobs

AT_ONCE = 200
"""Jobs handled per round, so that a round after a long pause does not hold the database."""


def ended_before(before_s: float) -> sa.Select:
    """Select the ids of jobs that ended before a time."""
    return (
        sa.select(jobs.c.id)
        .where(jobs.c.state.in_([state.value for state in FINAL_JOB]), jobs.c.finished_s < before_s)
        .order_by(jobs.c.finished_s)
    )


def count(connection: sa.Connection, query: sa.Select) -> int:
    """Return how many rows a query has."""
    return connection.scalar(sa.select(sa.func.count()).select_from(query.order_by(None).subquery())) or 0
