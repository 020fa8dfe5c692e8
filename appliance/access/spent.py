"""How much an application has used and holds now."""

from typing import NamedTuple

import sqlalchemy as sa

from appliance.jobs.states import OPEN_JOB
from appliance.settings import Settings
from appliance.storage.tables import jobs, usage


class Spent(NamedTuple):
    """What an application has used of the limits that can be spent, before anything more is asked of it."""

    translations: int
    """Since the month began."""
    audio_s: float
    """Since the day began."""
    stored_bytes: int


_NOTHING = sa.literal_column("0")
"""Not a parameter: a partial index serves those who ask in its own words."""
_HOLDING = jobs.c.stored_bytes > _NOTHING


def _since(column: sa.ColumnElement, day: str) -> sa.ScalarSelect:
    rows = (
        usage.c.application_id == sa.bindparam("application_id"),
        usage.c.day >= sa.bindparam(day),
        column > _NOTHING,
    )
    return sa.select(sa.func.coalesce(sa.func.sum(column), 0)).where(*rows).scalar_subquery()


_HELD = (
    sa.select(sa.func.coalesce(sa.func.sum(jobs.c.stored_bytes), 0))
    .where(jobs.c.application_id == sa.bindparam("application_id"), _HOLDING)
    .scalar_subquery()
)
_SPENT = sa.select(_since(usage.c.translations, "month"), _since(usage.c.audio_s, "day"), _HELD)
"""One question, made once: it is asked for every upload, also for those that an overload refuses."""


def spent_so_far(connection: sa.Connection, application_id: str, month: str, day: str) -> Spent:
    """Return what was used since the first day of a month and since a day, and what is stored."""
    row = connection.execute(_SPENT, {"application_id": application_id, "month": month, "day": day}).one()
    return Spent(int(row[0]), float(row[1]), int(row[2]))


def used(
    connection: sa.Connection,
    column: sa.ColumnElement,
    application_id: str,
    first_day: str,
    user_id: str | None = None,
) -> float:
    """Return the sum of `translations` or `audio_s` since a day, for one user or for all.

    Rows of what was answered from what is kept are not read: there may be hundreds of thousands in a day. Computed
    languages of an application with a limit are few in a month, because each counts against it.
    """
    query = sa.select(sa.func.coalesce(sa.func.sum(column), 0)).where(
        usage.c.application_id == application_id, usage.c.day >= first_day, column > _NOTHING
    )
    if user_id is not None:
        query = query.where(usage.c.user_id == user_id)
    return connection.scalar(query) or 0


def open_jobs(connection: sa.Connection, application_id: str, user_id: str | None = None) -> int:
    """Return how many jobs have not ended."""
    which = (*_of(application_id, user_id), jobs.c.state.in_(OPEN_JOB))
    query = sa.select(sa.func.count()).select_from(jobs).where(*which)
    return connection.scalar(query) or 0


def earliest_deadline_s(connection: sa.Connection, application_id: str) -> float | None:
    """Return when the most urgent open job should be done, None without one."""
    return connection.scalar(
        sa.select(sa.func.min(jobs.c.deadline_s)).where(*_of(application_id, None), jobs.c.state.in_(OPEN_JOB))
    )


def stored_bytes(connection: sa.Connection, application_id: str, user_id: str | None = None) -> int:
    """Return what recordings and results take; audio that several jobs share counts once, with the job that made it."""
    query = sa.select(sa.func.coalesce(sa.func.sum(jobs.c.stored_bytes), 0)).where(
        *_of(application_id, user_id), _HOLDING
    )
    return int(connection.scalar(query) or 0)


def first_to_go_s(connection: sa.Connection, application_id: str, settings: Settings, now_s: float) -> float | None:
    """Return when the oldest ended job lets go of its recording, or later of its results; None where none has ended."""
    ended_s = connection.scalar(
        sa.select(sa.func.min(jobs.c.finished_s)).where(
            *_of(application_id, None), jobs.c.finished_s.is_not(None), _HOLDING
        )
    )
    if ended_s is None:
        return None
    recording_s = ended_s + settings.source_ttl_s
    return recording_s if recording_s > now_s else ended_s + settings.result_ttl_s


def _of(application_id: str, user_id: str | None) -> list[sa.ColumnElement[bool]]:
    which = [jobs.c.application_id == application_id]
    return [*which, jobs.c.user_id == user_id] if user_id is not None else which
