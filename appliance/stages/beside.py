"""Answers that are kept beside the database: after the commit, because only that says what was worth keeping."""

from collections.abc import Collection, Sequence
from dataclasses import replace

import sqlalchemy as sa

from appliance.cache.kinds import DATABASE_ONLY
from appliance.cache.purges import note_purge
from appliance.errors import StorageUnavailable
from appliance.jobs.locks import hold_names
from appliance.jobs.outcomes import Outcome
from appliance.owner import Owner
from appliance.stages.context import Context
from appliance.storage.sets import among
from appliance.storage.tables import jobs
from appliance.storage.voice_tables import voice_profiles


def within_database(outcome: Outcome) -> Outcome:
    """Return the outcome with those answers alone that are rows whatever else keeps answers."""
    return replace(outcome, answers=[answer for answer in outcome.answers if answer.kind in DATABASE_ONLY])


def keep_beside(context: Context, written: Sequence[Outcome]) -> None:
    """Keep the other answers of outcomes that were written, and take back those that were erased meanwhile.

    An erasure asks this cache to forget after its own commit. Whatever comes first, then, the answers are gone: those
    kept before it asks, by what it asks; those kept later, here, because the job or its voice profile is found gone.
    """
    answers = [answer for outcome in written for answer in outcome.answers if answer.kind not in DATABASE_ONLY]
    if not answers or not context.cache.beside:
        return
    context.cache.keep(answers)
    owners = {answer.job_id: answer.owner for answer in answers}
    with context.database.read() as connection:
        there = set(connection.scalars(_not_erased(connection, owners)))
    for job_id in sorted(owners.keys() - there):
        _take_back(context, owners[job_id], job_id)


def _not_erased(connection: sa.Connection, job_ids: Collection[str]) -> sa.Select:
    """Select those of these jobs that are there, with the voice profile they were accepted with."""
    profile_there = sa.exists().where(voice_profiles.c.id == jobs.c.voice_profile_id)
    return sa.select(jobs.c.id).where(
        among(connection, jobs.c.id, sorted(job_ids)), sa.or_(jobs.c.voice_profile_id.is_(None), profile_there)
    )


def _take_back(context: Context, owner: Owner, job_id: str) -> None:
    try:
        context.cache.forget_job(owner, job_id)
    except StorageUnavailable:
        # The erasure may have been confirmed before this was kept: it is asked for once more, until it is done.
        with context.database.write() as connection:
            hold_names(connection, ["purges"])
            note_purge(connection, owner, job_id, (), context.database.now_s(connection))
