"""Ending a job on its owner's wish, and removing a finished one with all that came from it."""

from collections.abc import Callable

import sqlalchemy as sa

from appliance.cache.answers import forget_job
from appliance.cache.purges import note_purge
from appliance.errors import AlreadyFinished
from appliance.jobs.documents import JobDocument
from appliance.jobs.endings import cancel_targets
from appliance.jobs.events import forget_events_of_job, keep_figures_of_job
from appliance.jobs.locks import hold_jobs, hold_names
from appliance.jobs.query import load_job
from appliance.jobs.readings import reading_objects
from appliance.jobs.states import FINAL_JOB
from appliance.owner import Owner
from appliance.storage.database import Database
from appliance.storage.objects import ObjectStore
from appliance.storage.tables import cached_answers, jobs, targets


def cancel_job(database: Database, owner: Owner, job_id: str) -> JobDocument:
    """Cancel a job that has not ended and return it; languages that are already finished keep their audio."""
    with database.write() as connection:
        job = load_job(connection, job_id, owner)
        if job.state in FINAL_JOB:
            raise AlreadyFinished
        cancel_targets(connection, job_id, database.now_s(connection))
        return load_job(connection, job_id, owner)


def delete_job(database: Database, objects: ObjectStore, owner: Owner, job_id: str) -> None:
    """Remove a finished job, its events, the answers cached from it, and every stored object nothing else needs."""
    _remove(database, objects, owner, job_id, forget_events_of_job)


def expire_job(database: Database, objects: ObjectStore, owner: Owner, job_id: str) -> None:
    """Remove a job whose time is over as `delete_job` does, but keep the figures of its events."""
    _remove(database, objects, owner, job_id, keep_figures_of_job)


def _remove(
    database: Database,
    objects: ObjectStore,
    owner: Owner,
    job_id: str,
    settle_events: Callable[[sa.Connection, str], None],
) -> None:
    with database.write() as connection:
        # Held before anything is read: feedback that comes at this moment is either removed too or finds no job.
        hold_jobs(connection, [job_id])
        job = load_job(connection, job_id, owner)
        if job.state not in FINAL_JOB:
            raise AlreadyFinished("The job is still running; cancel it first.")
        readings = reading_objects(connection, job_id)
        forget_job(connection, job_id)
        settle_events(connection, job_id)
        connection.execute(sa.delete(jobs).where(jobs.c.id == job_id))
        names = {target.spoken.object for target in job.targets if target.spoken and not target.spoken.erased}
        names |= {job.audio.pcm} if job.audio and job.audio.pcm else set()
        orphans = [name for name in names if not object_needed(connection, owner, name)]
        # One at a time, so that their numbers are in the order of their commits: the edge asks for what came after one.
        hold_names(connection, ["purges"])
        audio = {target.spoken.sha256 for target in job.targets if target.spoken}
        note_purge(connection, owner, job_id, audio, database.now_s(connection))
    for name in (*orphans, *readings):
        objects.delete(name)


def object_needed(connection: sa.Connection, owner: Owner, name: str) -> bool:
    """Return whether a job or a cached answer of the owner still points at a stored object."""
    of_owner = (jobs.c.application_id == owner.application_id, jobs.c.user_id == owner.user_id)
    spoken = sa.select(targets.c.id).join(jobs, jobs.c.id == targets.c.job_id)
    spoken = spoken.where(*of_owner, targets.c.spoken["object"].as_string() == name)
    recorded = sa.select(jobs.c.id).where(*of_owner, jobs.c.audio["pcm"].as_string() == name)
    kept = sa.select(cached_answers.c.key).where(
        cached_answers.c.application_id == owner.application_id,
        cached_answers.c.user_id == owner.user_id,
        cached_answers.c.kind == "result",
        cached_answers.c.value["spoken"]["object"].as_string() == name,
    )
    return any(connection.scalar(query.limit(1)) is not None for query in (spoken, recorded, kept))
