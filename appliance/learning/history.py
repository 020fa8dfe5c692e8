"""An owner's jobs, newest first, page by page.

A page starts behind the last job of the page before, by (accepted_s, id). Jobs that arrive meanwhile come before the
first page, so none is shown twice and none that was there at the start is left out.
"""

from collections.abc import Sequence

import msgspec
import sqlalchemy as sa

from appliance.jobs.states import JobState, TargetState
from appliance.learning.cursor import Position, cursor_of, position_of
from appliance.owner import Owner
from appliance.storage.database import Database
from appliance.storage.tables import events, jobs, targets


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of the history; times are those of acceptance, `until_s` excluded."""

    limit: int = 20
    cursor: str | None = None
    state: JobState | None = None
    language: str | None = None
    since_s: float | None = None
    until_s: float | None = None
    text: bool = False
    """Whether what was heard comes along."""


class LanguageEntry(msgspec.Struct, frozen=True, kw_only=True):
    """How one language of a job ended, or where it stands."""

    language: str
    state: TargetState
    cached: bool
    rating: int | None


class JobEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A job in the list."""

    job_id: str
    state: JobState
    accepted_s: float
    finished_s: float | None
    source_language: str | None
    text: str | None
    languages: list[LanguageEntry]


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the list; without a next cursor, the last."""

    jobs: list[JobEntry]
    next_cursor: str | None


def history(database: Database, owner: Owner, asked: Asked) -> Page:
    """Return a page of the owner's jobs that are still kept; InvalidRequest for a cursor that is none."""
    with database.read() as connection:
        rows = connection.execute(_page_of(owner, asked).limit(asked.limit + 1)).all()
        shown = rows[: asked.limit]
        languages = _languages(connection, [row.id for row in shown])
    more = len(rows) > len(shown)
    return Page(
        jobs=[_entry(row, languages[row.id]) for row in shown],
        next_cursor=cursor_of(Position(shown[-1].accepted_s, shown[-1].id)) if more else None,
    )


def _page_of(owner: Owner, asked: Asked) -> sa.Select:
    text = jobs.c.source["text"].as_string() if asked.text else sa.null()
    query = (
        sa.select(
            jobs.c.id,
            jobs.c.state,
            jobs.c.accepted_s,
            jobs.c.finished_s,
            jobs.c.source["language"].as_string().label("source_language"),
            text.label("text"),
        )
        .where(jobs.c.application_id == owner.application_id, jobs.c.user_id == owner.user_id)
        .order_by(jobs.c.accepted_s.desc(), jobs.c.id.desc())
    )
    if asked.cursor is not None:
        after = position_of(asked.cursor)
        place = sa.tuple_(sa.literal(after.accepted_s, sa.Double), sa.literal(after.job_id, sa.String))
        query = query.where(sa.tuple_(jobs.c.accepted_s, jobs.c.id) < place)
    if asked.state is not None:
        query = query.where(jobs.c.state == asked.state)
    if asked.language is not None:
        of_language = targets.c.job_id == jobs.c.id, targets.c.language == asked.language
        query = query.where(sa.select(targets.c.id).where(*of_language).exists())
    if asked.since_s is not None:
        query = query.where(jobs.c.accepted_s >= asked.since_s)
    if asked.until_s is not None:
        query = query.where(jobs.c.accepted_s < asked.until_s)
    return query


def _languages(connection: sa.Connection, job_ids: Sequence[str]) -> dict[str, list[LanguageEntry]]:
    found: dict[str, list[LanguageEntry]] = {job_id: [] for job_id in job_ids}
    rated = sa.and_(
        events.c.job_id == targets.c.job_id, events.c.language == targets.c.language, events.c.rating_counts
    )
    rows = connection.execute(
        sa.select(targets.c.job_id, targets.c.language, targets.c.state, targets.c.cached, events.c.rating)
        .join(events, rated, isouter=True)
        .where(targets.c.job_id.in_(job_ids))
        .order_by(targets.c.job_id, targets.c.position)
    )
    for row in rows:
        found[row.job_id].append(
            LanguageEntry(
                language=row.language, state=TargetState(row.state), cached=bool(row.cached), rating=row.rating
            )
        )
    return found


def _entry(row: sa.Row, languages: list[LanguageEntry]) -> JobEntry:
    return JobEntry(
        job_id=row.id,
        state=JobState(row.state),
        accepted_s=row.accepted_s,
        finished_s=row.finished_s,
        source_language=row.source_language,
        text=row.text,
        languages=languages,
    )
