"""Answers that are kept beside the database: after the commit, because only that says what was worth keeping."""

from collections.abc import Sequence
from dataclasses import replace

import sqlalchemy as sa

from appliance.cache.kinds import DATABASE_ONLY
from appliance.errors import StorageUnavailable
from appliance.jobs.outcomes import Outcome
from appliance.stages.context import Context
from appliance.storage.sets import among
from appliance.storage.tables import jobs


def within_database(outcome: Outcome) -> Outcome:
    """Return the outcome with those answers alone that are rows whatever else keeps answers."""
    return replace(outcome, answers=[answer for answer in outcome.answers if answer.kind in DATABASE_ONLY])


def keep_beside(context: Context, written: Sequence[Outcome]) -> None:
    """Keep the other answers of outcomes that were written, and take back those whose job is deleted meanwhile.

    A deletion asks this cache to forget after its own commit. Whatever comes first, then, the answers are gone: those
    kept before it asks, by what it asks; those kept later, here, because the job is found gone.
    """
    answers = [answer for outcome in written for answer in outcome.answers if answer.kind not in DATABASE_ONLY]
    if not answers or not context.cache.beside:
        return
    context.cache.keep(answers)
    owners = {answer.job_id: answer.owner for answer in answers}
    with context.database.read() as connection:
        there = set(connection.scalars(sa.select(jobs.c.id).where(among(connection, jobs.c.id, sorted(owners)))))
    for job_id in owners.keys() - there:
        try:
            context.cache.forget_job(owners[job_id], job_id)
        except StorageUnavailable:
            # The deletion's own row asks for it until it is done.
            return
