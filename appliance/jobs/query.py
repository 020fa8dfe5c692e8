"""Reading jobs: always for an owner, always as one document."""

from collections.abc import Collection, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from appliance.errors import NotFound
from appliance.jobs.documents import AudioFacts, Failure, JobDocument, Request, Source, Spoken, TargetDocument
from appliance.jobs.states import OPEN_TARGET, JobState, TargetState
from appliance.owner import Owner
from appliance.storage.database import Database
from appliance.storage.sets import among
from appliance.storage.tables import jobs, targets


class JobReader:
    """Gives jobs to their owners and to nobody else."""

    def __init__(self, database: Database) -> None:
        """Read from this database."""
        self._database = database

    def get(self, owner: Owner, job_id: str) -> JobDocument:
        """Return the job, or raise NotFound, which also answers for other owners' jobs."""
        with self._database.read() as connection:
            return load_job(connection, job_id, owner)

    def version(self, job_id: str) -> str:
        """Return a string that changes whenever the job's document changes; empty for no such job."""
        with self._database.read() as connection:
            state = connection.scalar(sa.select(jobs.c.state).where(jobs.c.id == job_id))
            if state is None:
                return ""
            rows = connection.execute(
                sa.select(targets.c.state).where(targets.c.job_id == job_id).order_by(targets.c.position)
            )
            return ",".join([state, *(row.state for row in rows)])


def load_job(connection: sa.Connection, job_id: str, owner: Owner | None = None) -> JobDocument:
    """Return the job as this transaction sees it, or raise NotFound; without an owner for our own stages only."""
    job = load_jobs(connection, [job_id]).get(job_id)
    if job is None or (owner and job.owner != owner):
        raise NotFound("There is no such job.")
    return job


def load_jobs(connection: sa.Connection, job_ids: Collection[str]) -> dict[str, JobDocument]:
    """Return those of these jobs that there are, whoever owns them."""
    rows = connection.execute(sa.select(jobs).where(among(connection, jobs.c.id, job_ids))).mappings().all()
    of_jobs = sa.select(targets).where(among(connection, targets.c.job_id, job_ids)).order_by(targets.c.position)
    # Read to the end at once: a row that cannot be understood would leave an open cursor, and with it a snapshot that
    # SQLite refuses to write from, on a connection that goes back to the pool.
    target_rows = connection.execute(of_jobs).mappings().all()
    found: dict[str, list[sa.RowMapping]] = {row["id"]: [] for row in rows}
    for target in target_rows:
        found.get(target["job_id"], []).append(target)
    return {row["id"]: _job_document(row, found[row["id"]]) for row in rows}


def is_repeated(connection: sa.Connection, application_id: str, idempotency_key: str | None) -> bool:
    """Return whether any user of the application has a job with this idempotency key; False for none."""
    if idempotency_key is None:
        return False
    known = sa.select(jobs.c.id).where(
        jobs.c.application_id == application_id, jobs.c.idempotency_key == idempotency_key
    )
    return connection.scalar(known.limit(1)) is not None


def _job_document(row: sa.RowMapping, target_rows: Sequence[sa.RowMapping]) -> JobDocument:
    return JobDocument(
        id=row["id"],
        owner=Owner(row["application_id"], row["user_id"]),
        state=JobState(row["state"]),
        accepted_s=row["accepted_s"],
        deadline_s=row["deadline_s"],
        finished_s=row["finished_s"],
        request=msgspec.convert(row["request"], Request),
        audio_sha256=row["audio_sha256"],
        audio=_document(row["audio"], AudioFacts),
        source=_document(row["source"], Source),
        targets=tuple(target_document(target) for target in target_rows),
        error=_document(row["error"], Failure),
        plan=row["plan"],
        priority=row["priority"],
        sla_s=row["sla_s"],
        eta_s=row["eta_s"],
        retried_as=row["retried_as"],
    )


def target_document(row: Any) -> TargetDocument:
    """Return a row of the targets table as its document."""
    return TargetDocument(
        id=row["id"],
        language=row["language"],
        state=TargetState(row["state"]),
        cached=bool(row["cached"]),
        follows_id=row["follows_id"],
        translation=row["translation"],
        spoken=_document(row["spoken"], Spoken),
        error=_document(row["error"], Failure),
        finished_s=row["finished_s"],
    )


def open_ones(connection: sa.Connection, target_ids: Collection[str]) -> set[str]:
    """Return which of these targets exist and have not ended."""
    rows = sa.select(targets.c.id).where(among(connection, targets.c.id, target_ids), targets.c.state.in_(OPEN_TARGET))
    return set(connection.scalars(rows))


def _document(value: Any, kind: Any) -> Any:
    return None if value is None else msgspec.convert(value, kind)
