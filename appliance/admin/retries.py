"""Retrying dead letters: the languages that failed become a job of their own, accepted like any other.

The failed job stays as it ended, because a job ends once; it is marked with the job that took it up. That job is made
first and under a key of its own: who is killed in between, or does it twice, gets the same one again.
"""

from collections.abc import Sequence

import msgspec
import sqlalchemy as sa

from appliance.admin.action_types import ActionAnswer, RetryManyRequest
from appliance.admin.actions import Ask, Do, conflict, earlier, note_action, perform
from appliance.admin.dead_letters import Filter, failed_languages, ids_of, is_dead
from appliance.errors import MeeshyError, NotFound, StorageUnavailable
from appliance.jobs.query import load_job
from appliance.jobs.submit import Submission, Submitter
from appliance.storage.database import Database
from appliance.storage.tables import jobs


def retry(database: Database, submitter: Submitter, ask: Ask) -> ActionAnswer:
    """Retry one dead letter, or raise why not; what the plan, admission or the voice refuse is refused here too."""
    known = earlier(database, ask)
    if known is not None:
        return known
    try:
        made: str | MeeshyError = _accepted(database, submitter, ask.subject)
    except StorageUnavailable:
        raise
    except MeeshyError as refusal:
        made = refusal
    return perform(database, ask, _marking(ask, made))


def retry_many(database: Database, submitter: Submitter, ask: Ask, body: RetryManyRequest) -> ActionAnswer:
    """Retry all dead letters that a filter takes, if they are as many as expected; some may be refused."""
    known = earlier(database, ask)
    if known is not None:
        return known
    which = Filter(stage=body.stage, priority=body.priority, error=body.error)
    with database.read() as connection:
        ids = ids_of(connection, which, body.expected_count + 1)
    if len(ids) != body.expected_count:
        return perform(database, ask, _miscounted(ids, which))
    made: dict[str, str] = {}
    failed: dict[str, str] = {}
    for job_id in ids:
        try:
            made[job_id] = _accepted(database, submitter, job_id)
        except MeeshyError as refusal:
            failed[job_id] = refusal.code

    def mark(connection: sa.Connection, now_s: float) -> ActionAnswer:
        for job_id, retried_as in sorted(made.items()):  # everybody who holds several jobs takes them by id
            if not _marked(connection, job_id, retried_as):
                # Somebody else did at this moment, and that made the same job.
                continue
            note_action(
                connection, msgspec.structs.replace(ask, action="retry", subject=job_id), "done", now_s,
                retried_as=retried_as,
            )  # fmt: skip
        says = f"{len(made)} retried" + (f", {len(failed)} refused." if failed else ".")
        return ActionAnswer(
            action=ask.action, subject=ask.subject, state="retried", says=says, job_ids=tuple(made.values()),
            failed=failed,
        )  # fmt: skip

    return perform(database, ask, mark)


def _accepted(database: Database, submitter: Submitter, job_id: str) -> str:
    """Return the id of the job that takes up what failed in a dead letter."""
    with database.read() as connection:
        job = load_job(connection, job_id)
        if not is_dead(connection, job_id):
            raise conflict(job.state, "The job is no dead letter (any more).")
        languages = failed_languages(connection, job_id)
    if job.audio is None or not languages:
        raise NotFound("There is no such dead letter.")
    request = msgspec.structs.replace(job.request, targets=tuple(languages), profile=None, profile_unused=None)
    submission = Submission(
        owner=job.owner, request=request, audio_sha256=job.audio_sha256, idempotency_key=f"console-retry:{job_id}"
    )
    return submitter.accept(submission, job.audio).id


def _marking(ask: Ask, made: str | MeeshyError) -> Do:
    def do(connection: sa.Connection, now_s: float) -> ActionAnswer:
        if isinstance(made, MeeshyError):
            raise made
        if not _marked(connection, ask.subject, made):
            raise conflict("retried", "Somebody else has just retried it.")
        return ActionAnswer(
            action=ask.action, subject=ask.subject, state="retried", says=f"It goes on as {made}.", job_ids=(made,)
        )

    return do


def _marked(connection: sa.Connection, job_id: str, retried_as: str) -> bool:
    unmarked = sa.update(jobs).where(jobs.c.id == job_id, jobs.c.retried_as.is_(None))
    return connection.execute(unmarked.values(retried_as=retried_as)).rowcount == 1


def _miscounted(ids: Sequence[str], which: Filter) -> Do:
    def do(connection: sa.Connection, now_s: float) -> ActionAnswer:
        count = len(ids_of(connection, which, 10_000))
        raise conflict("dead", f"There are {count} such dead letters now.", count)

    return do
