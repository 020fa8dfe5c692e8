"""Retrying dead letters: the languages that failed become a job of their own, accepted like any other.

The failed job stays as it ended, because a job ends once; it is marked with the job that took it up, in the transaction
that makes that one. It has a key of its own besides: however often it is asked for, it is made once.
"""

from collections.abc import Callable

import msgspec
import sqlalchemy as sa

from appliance.admin.action_types import ActionAnswer
from appliance.admin.actions import Ask, Known, conflict, done_within, earlier, holding, perform, refusing
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
    """Retry one dead letter, or raise why not; what the plan, admission or the voice refuse is refused here too.

    The new job, its mark, its row in the audit and the answer are one transaction.
    """
    known = earlier(database, ask)
    if known is not None:
        return known
    answers: list[ActionAnswer] = []

    def answer(connection: sa.Connection, retried_as: str) -> None:
        says = f"It goes on as {retried_as}."
        made = ActionAnswer(
            action=ask.action, subject=ask.subject, state="retried", says=says, job_ids=(retried_as,)
        )  # fmt: skip
        answers.append(done_within(connection, ask, made, database.now_s(connection)))

    try:
        take_up(database, submitter, ask.subject, answer, holding(ask))
    except Known as repeated:
        return repeated.answer()
    except StorageUnavailable:
        raise
    except MeeshyError as refusal:
        return perform(database, ask, refusing(refusal))
    return answers[-1]


def take_up(
    database: Database,
    submitter: Submitter,
    job_id: str,
    note: Callable[[sa.Connection, str], None],
    hold: Callable[[sa.Connection], None] = lambda connection: None,
) -> str:
    """Return the id of the job that takes up what failed in a dead letter, or raise why there is none.

    In the transaction that makes it, `hold` is called first, and `note` with its id once the dead letter is marked.
    """
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
    still_dead = _still_dead(job)

    def require(connection: sa.Connection) -> None:
        hold(connection)
        still_dead(connection)

    def mark(connection: sa.Connection, retried_as: str) -> None:
        connection.execute(sa.update(jobs).where(jobs.c.id == job_id).values(retried_as=retried_as))
        note(connection, retried_as)

    return submitter.accept(submission, audio, require, mark).id


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
