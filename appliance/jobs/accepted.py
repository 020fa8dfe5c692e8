"""Results that were accepted, as they ended: what the phrase library learns from. Nothing of it is written by jobs."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from appliance.jobs.documents import Request
from appliance.jobs.states import JobState, TargetState
from appliance.owner import Owner
from appliance.storage.sets import among
from appliance.storage.tables import jobs, targets

_SPOKEN = (JobState.DONE, JobState.PARTIAL)


class Place(msgspec.Struct, frozen=True):
    """How far somebody has read: jobs by the time of their end, then by id."""

    finished_s: float = 0.0
    job_id: str = ""


class Accepted(NamedTuple):
    """One language of a job that ended with an accepted reading."""

    job_id: str
    owner: Owner
    voice: str
    """`speaker` or `stock`: whose voice was in force."""
    source: str
    target: str
    whisper: bool
    """Whether Whisper itself translated the recording into English first: the sentences are then nobody's words."""
    computed: bool
    """False where it is another result's, kept or shared: nothing was looked up for it."""
    at_s: float
    sentences: Sequence[dict[str, Any]]


def accepted_since(
    connection: sa.Connection, place: Place, until_s: float, limit: int
) -> tuple[list[Accepted], Place | None]:
    """Return the accepted results of the next jobs that ended by then, at most so many jobs, and the place after them.

    The place is None where no job is left. Languages that need review, failed or were cancelled are not there.
    """
    ended = sorted(
        (row for state in _SPOKEN for row in _ended(connection, state, place, until_s, limit)),
        key=lambda row: (row.finished_s, row.id),
    )[:limit]
    if not ended:
        return [], None
    of_jobs = {row.id: row for row in ended}
    rows = connection.execute(
        sa.select(targets.c.job_id, targets.c.language, targets.c.cached, targets.c.follows_id, targets.c.translation)
        .where(among(connection, targets.c.job_id, of_jobs), targets.c.state == TargetState.DONE)
        .order_by(targets.c.job_id, targets.c.position)
    ).all()
    found = [_accepted(of_jobs[row.job_id], row) for row in rows if row.translation and of_jobs[row.job_id].language]
    return found, Place(ended[-1].finished_s, ended[-1].id)


def still_there(connection: sa.Connection, found: Sequence[Accepted]) -> set[str]:
    """Return the ids of those results' jobs that have not been deleted since."""
    ids = {result.job_id for result in found}
    return set(connection.scalars(sa.select(jobs.c.id).where(among(connection, jobs.c.id, ids))))


def _ended(connection: sa.Connection, state: JobState, place: Place, until_s: float, limit: int) -> Sequence[sa.Row]:
    """Return the next jobs in one state: of one alone, they come from an index in their order."""
    after = sa.or_(jobs.c.finished_s > place.finished_s, jobs.c.id > place.job_id)
    query = (
        sa.select(jobs.c.id, jobs.c.application_id, jobs.c.user_id, jobs.c.request, jobs.c.finished_s,
                  jobs.c.source["language"].as_string().label("language"))
        .where(jobs.c.state == state, jobs.c.finished_s >= place.finished_s, jobs.c.finished_s <= until_s, after)
        .order_by(jobs.c.finished_s, jobs.c.id)
        .limit(limit)
    )  # fmt: skip
    return connection.execute(query).all()


def _accepted(job: sa.Row, target: sa.Row) -> Accepted:
    translation = target.translation
    return Accepted(
        job_id=job.id,
        owner=Owner(job.application_id, job.user_id),
        voice=msgspec.convert(job.request, Request).voice_in_force(target.language),
        source=job.language,
        target=target.language,
        whisper=translation.get("route", "").startswith("whisper"),
        computed=not target.cached and target.follows_id is None,
        at_s=job.finished_s,
        sentences=translation.get("sentences", ()),
    )
