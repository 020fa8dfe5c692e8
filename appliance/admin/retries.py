"""Retrying dead letters: the languages that failed become a job of their own, accepted like any other.

The failed job stays as it ended, because a job ends once; it is marked with the job that took it up. That job is made
first and under a key of its own: who is killed in between, or does it twice, gets the same one again.
"""

from collections.abc import Callable

import msgspec
import sqlalchemy as sa

from appliance.admin.action_types import ActionAnswer
from appliance.admin.actions import Ask, Do, conflict, earlier, perform
from appliance.admin.dead_letters import failed_languages, is_dead
from appliance.errors import MeeshyError, NotFound, StorageUnavailable
from appliance.jobs.documents import JobDocument
from appliance.jobs.locks import hold_jobs
from appliance.jobs.query import load_job
from appliance.jobs.retried import retry_key
from appliance.jobs.submit import Submission, Submitter
from appliance.storage.database import Database
from appliance.storage.tables import jobs


def retry(database: Database, submitter: Submitter, ask: Ask) -> ActionAnswer:
    """Retry one dead letter, or raise why not; what the plan, admission or the voice refuse is refused here too."""
    known = earlier(database, ask)
    if known is not None:
        return known
    try:
        made: str | MeeshyError = take_up(database, submitter, ask.subject)
    except StorageUnavailable:
        raise
    except MeeshyError as refusal:
        made = refusal
    return perform(database, ask, _marking(ask, made))


def take_up(database: Database, submitter: Submitter, job_id: str) -> str:
    """Return the id of the job that takes up what failed in a dead letter, or raise why there is none."""
    with database.read() as connection:
        job = load_job(connection, job_id)
        if not is_dead(connection, job_id):
            raise conflict(job.state, "The job is no dead letter (any more).")
        languages = failed_languages(connection, job_id)
    if job.audio is None or not languages:
        raise NotFound("There is no such dead letter.")
    request = msgspec.structs.replace(job.request, targets=tuple(languages), profile=None, profile_unused=None)
    submission = Submission(
        owner=job.owner,
        request=request,
        audio_sha256=job.audio_sha256,
        idempotency_key=retry_key(job_id),
    )
    audio = msgspec.structs.replace(job.audio, counted_before=True)
    return submitter.accept(submission, audio, _still_dead(job)).id


def _still_dead(job: JobDocument) -> Callable[[sa.Connection], None]:
    """Return what keeps a dead letter as it is until a transaction ends, or raises where it is so no longer.

    Its recording is the new job's: whoever deletes the one waits, and then sees that the other needs it.
    """

    def hold(connection: sa.Connection) -> None:
        hold_jobs(connection, [job.id])
        pcm = connection.scalar(sa.select(jobs.c.audio["pcm"].as_string()).where(jobs.c.id == job.id))
        if pcm is None:
            raise NotFound("There is no such job.")
        if job.audio is None or pcm != job.audio.pcm or not is_dead(connection, job.id):
            raise conflict(job.state, "The job is no dead letter any more.")

    return hold


def _marking(ask: Ask, made: str | MeeshyError) -> Do:
    def do(connection: sa.Connection, now_s: float) -> ActionAnswer:
        if isinstance(made, MeeshyError):
            raise made
        there = sa.select(jobs.c.id).where(jobs.c.id == ask.subject)
        # Where its owner has deleted it by now, its recording goes on all the same.
        if not mark_retried(connection, ask.subject, made) and connection.scalar(there) is not None:
            raise conflict("retried", "Somebody else has just retried it.")
        return ActionAnswer(
            action=ask.action, subject=ask.subject, state="retried", says=f"It goes on as {made}.", job_ids=(made,)
        )

    return do


def mark_retried(connection: sa.Connection, job_id: str, retried_as: str) -> bool:
    """Mark a dead letter with the job that took it up; return False where it was marked before, or is gone."""
    unmarked = sa.update(jobs).where(jobs.c.id == job_id, jobs.c.retried_as.is_(None))
    return connection.execute(unmarked.values(retried_as=retried_as)).rowcount == 1
