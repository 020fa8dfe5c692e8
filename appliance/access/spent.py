"""How much an application has used and holds now."""

import sqlalchemy as sa

from appliance.jobs.states import FINAL_JOB, JobState
from appliance.settings import Settings
from appliance.storage.tables import jobs, usage

# Named, not negated: jobs have an index on the state, and few are open.
_OPEN = [state.value for state in JobState if state not in FINAL_JOB]


def used(
    connection: sa.Connection,
    column: sa.ColumnElement,
    application_id: str,
    first_day: str,
    user_id: str | None = None,
) -> float:
    """Return the sum of a usage column since a day, for one user or for all.

    An application with a limit has few rows in a month, because each computed language counts against it.
    """
    query = sa.select(sa.func.coalesce(sa.func.sum(column), 0)).where(
        usage.c.application_id == application_id, usage.c.day >= first_day
    )
    if user_id is not None:
        query = query.where(usage.c.user_id == user_id)
    return connection.scalar(query) or 0


def open_jobs(connection: sa.Connection, application_id: str, user_id: str | None = None) -> int:
    """Return how many jobs have not ended."""
    query = sa.select(sa.func.count()).select_from(jobs).where(*_of(application_id, user_id), jobs.c.state.in_(_OPEN))
    return connection.scalar(query) or 0


def earliest_deadline_s(connection: sa.Connection, application_id: str) -> float | None:
    """Return when the most urgent open job should be done, None without one."""
    return connection.scalar(
        sa.select(sa.func.min(jobs.c.deadline_s)).where(*_of(application_id, None), jobs.c.state.in_(_OPEN))
    )


def stored_bytes(connection: sa.Connection, application_id: str, user_id: str | None = None) -> int:
    """Return what recordings and results take; audio that several jobs share counts once, with the job that made it."""
    query = sa.select(sa.func.coalesce(sa.func.sum(jobs.c.stored_bytes), 0)).where(*_of(application_id, user_id))
    return int(connection.scalar(query) or 0)


def first_to_go_s(connection: sa.Connection, application_id: str, settings: Settings, now_s: float) -> float | None:
    """Return when the oldest ended job lets go of its recording, or later of its results; None where none has ended."""
    ended_s = connection.scalar(
        sa.select(sa.func.min(jobs.c.finished_s)).where(
            *_of(application_id, None), jobs.c.finished_s.is_not(None), jobs.c.stored_bytes > 0
        )
    )
    if ended_s is None:
        return None
    recording_s = ended_s + settings.source_ttl_s
    return recording_s if recording_s > now_s else ended_s + settings.result_ttl_s


def _of(application_id: str, user_id: str | None) -> list[sa.ColumnElement[bool]]:
    which = [jobs.c.application_id == application_id]
    return [*which, jobs.c.user_id == user_id] if user_id is not None else which
