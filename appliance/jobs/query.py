"""Reading jobs: always for an owner, always as one document."""

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from appliance.errors import NotFound
from appliance.jobs.documents import AudioFacts, Failure, JobDocument, Request, Source, Spoken, TargetDocument
from appliance.jobs.states import FINAL_TARGET, JobState, TargetState
from appliance.owner import Owner
from appliance.storage.database import Database
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
    row = connection.execute(sa.select(jobs).where(jobs.c.id == job_id)).mappings().first()
    if row is None or (owner and (row["application_id"], row["user_id"]) != (owner.application_id, owner.user_id)):
        raise NotFound("There is no such job.")
    of_job = sa.select(targets).where(targets.c.job_id == job_id).order_by(targets.c.position)
    # Read to the end at once: a row that cannot be understood would leave an open cursor, and with it a snapshot that
    # SQLite refuses to write from, on a connection that goes back to the pool.
    target_rows = connection.execute(of_job).mappings().all()
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


def target_states(connection: sa.Connection, job_id: str) -> Sequence[TargetState]:
    """Return the states of a job's targets in their order."""
    rows = connection.scalars(sa.select(targets.c.state).where(targets.c.job_id == job_id).order_by(targets.c.position))
    return [TargetState(state) for state in rows]


def is_open(connection: sa.Connection, target_id: str) -> bool:
    """Return whether a target exists and has not ended."""
    state = connection.scalar(sa.select(targets.c.state).where(targets.c.id == target_id))
    return state is not None and state not in FINAL_TARGET


def result_key_of(connection: sa.Connection, target_id: str) -> str:
    """Return the key under which a target's result is kept."""
    return connection.execute(sa.select(targets.c.result_key).where(targets.c.id == target_id)).scalar_one()


def _document(value: Any, kind: Any) -> Any:
    return None if value is None else msgspec.convert(value, kind)
