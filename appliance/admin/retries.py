"""Retrying dead letters: the languages that failed become a job of their own, accepted like any other.

The failed job stays as it ended, because a job ends once; it is marked with the job that took it up. That job is made
first and under a key of its own: who is killed in between, or does it twice, gets the same one again.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import msgspec
import sqlalchemy as sa

from appliance.admin.action_types import MOST_RETRIED, ActionAnswer, RetryManyRequest
from appliance.admin.actions import Ask, Do, conflict, earlier, note_action, perform
from appliance.admin.dead_letters import Filter, count_of, failed_languages, ids_of, is_dead
from appliance.errors import MeeshyError, NotFound, Overloaded, StorageUnavailable
from appliance.jobs.documents import JobDocument
from appliance.jobs.locks import hold_jobs
from appliance.jobs.query import load_job
from appliance.jobs.retried import retry_key
from appliance.jobs.submit import Submission, Submitter
from appliance.storage.database import Database
from appliance.storage.tables import jobs

_TRIED_FOR_ONE = 4
"""A bulk goes on past what is refused, to so many times as many dead letters as may be retried at once."""


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


def retry_many(
    database: Database, submitter: Submitter, ask: Ask, body: RetryManyRequest, most: int = MOST_RETRIED
) -> ActionAnswer:
    """Retry the dead letters that a filter takes, if they are as many as expected; some may be refused.

    Of more than `most` the oldest go that are not refused; the answer says how many were not tried.
    """
    known = earlier(database, ask)
    if known is not None:
        return known
    which = Filter(stage=body.stage, priority=body.priority, error=body.error)
    with database.read() as connection:
        count, ids = count_of(connection, which), ids_of(connection, which, _TRIED_FOR_ONE * most)
    if count != body.expected_count:
        return perform(database, ask, _miscounted(which))
    made, failed = _tried(database, submitter, ids, most)
    left = max(0, count - len(made) - len(failed))

    def mark(connection: sa.Connection, now_s: float) -> ActionAnswer:
        for job_id, retried_as in sorted(made.items()):  # everybody who holds several jobs takes them by id
            # Where somebody else marked it at this moment, that made the same job.
            if _marked(connection, job_id, retried_as):
                note_action(connection, _of_one(ask, job_id), "done", now_s, retried_as=retried_as)
        for job_id, code in failed.items():
            note_action(connection, _of_one(ask, job_id), code, now_s)
        return ActionAnswer(
            action=ask.action,
            subject=ask.subject,
            state="retried" if made or not failed else "refused",
            says=_says(len(made), failed, left),
            job_ids=tuple(made.values()),
            failed=failed,
            left=left,
        )

    return perform(database, ask, mark)


def _tried(
    database: Database, submitter: Submitter, ids: Sequence[str], most: int
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the new jobs of the first `most` dead letters that can be retried, and the codes of those that cannot."""
    made: dict[str, str] = {}
    failed: dict[str, str] = {}
    room = most
    for job_id in ids:
        if room == 0:
            break
        try:
            made[job_id] = _accepted(database, submitter, job_id)
            room -= 1
        except StorageUnavailable:
            raise  # The same question gets the same jobs later; without a database no other dead letter fares better.
        except MeeshyError as refusal:
            failed[job_id] = refusal.code
            # Too much work is too much for the next one too; a quota or a voice that is gone is one owner's alone.
            room -= isinstance(refusal, Overloaded)
    return made, failed


def _says(made: int, failed: Mapping[str, str], left: int) -> str:
    """Return how many were retried, how many were refused for which reason, and how many are left."""
    codes = ", ".join(f"{count} {code}" for code, count in Counter(failed.values()).most_common())
    refused = f", {len(failed)} refused: {codes}" if failed else ""
    ones = "one is" if left == 1 else "ones are"
    return f"{made} retried{refused}." + (f" {left} younger {ones} left: retry again." if left else "")


def _of_one(ask: Ask, job_id: str) -> Ask:
    return msgspec.structs.replace(ask, action="retry", subject=job_id)


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
        if not _marked(connection, ask.subject, made) and connection.scalar(there) is not None:
            raise conflict("retried", "Somebody else has just retried it.")
        return ActionAnswer(
            action=ask.action, subject=ask.subject, state="retried", says=f"It goes on as {made}.", job_ids=(made,)
        )

    return do


def _marked(connection: sa.Connection, job_id: str, retried_as: str) -> bool:
    unmarked = sa.update(jobs).where(jobs.c.id == job_id, jobs.c.retried_as.is_(None))
    return connection.execute(unmarked.values(retried_as=retried_as)).rowcount == 1


def _miscounted(which: Filter) -> Do:
    def do(connection: sa.Connection, now_s: float) -> ActionAnswer:
        count = count_of(connection, which)
        raise conflict("dead", f"There are {count} such dead letters now.", count)

    return do
