"""Letting go of what is no longer kept: uploaded recordings first, then whole jobs with their results."""

from contextlib import suppress

import msgspec
import sqlalchemy as sa

from appliance.cache.answers import forget_expired
from appliance.errors import NotFound
from appliance.jobs.cancel import expire_job
from appliance.jobs.documents import AudioFacts
from appliance.jobs.events import forget_old_events
from appliance.jobs.query import load_job
from appliance.jobs.readings import forget_readings, reading_objects
from appliance.jobs.states import FINAL_JOB
from appliance.settings import Settings
from appliance.storage.database import Database
from appliance.storage.objects import ObjectStore
from appliance.storage.tables import jobs

AT_ONCE = 200
"""Jobs handled per round, so that a round after a long pause does not hold the database."""
EVENTS_AT_ONCE = 5000
"""Events let go per round; a round a minute keeps up with 80 languages ending a second."""


def let_go(database: Database, objects: ObjectStore, settings: Settings) -> int:
    """Remove what has outlived the settings' times, and return how many recordings and jobs that were."""
    with database.write() as connection:
        now_s = database.now_s(connection)
        forget_expired(connection, now_s)
        forget_old_events(connection, now_s - settings.events_ttl_s, EVENTS_AT_ONCE)
        recordings, readings = _drop_recordings(connection, now_s - settings.source_ttl_s)
        old = connection.scalars(_ended_before(now_s - settings.result_ttl_s)).all()
        owners = {job_id: load_job(connection, job_id).owner for job_id in old}
    for name in (*recordings, *readings):
        objects.delete(name)
    for job_id, owner in owners.items():
        with suppress(NotFound):  # its owner was faster
            expire_job(database, objects, owner, job_id)
    return len(recordings) + len(owners)


def _drop_recordings(connection: sa.Connection, before_s: float) -> tuple[list[str], set[str]]:
    """Take recordings and readings out of ended jobs; return the recordings no younger job needs, and the readings."""
    rows = connection.execute(
        sa.select(jobs.c.id, jobs.c.audio, jobs.c.stored_bytes).where(
            jobs.c.id.in_(_ended_before(before_s).where(jobs.c.audio["pcm"].as_string() != ""))
        )
    ).all()
    readings: set[str] = set()
    for row in rows:
        readings |= reading_objects(connection, row.id)
        forget_readings(connection, row.id)
        # Jobs from before bytes were counted hold none.
        left_bytes = max(0, row.stored_bytes - msgspec.convert(row.audio, AudioFacts).recording_bytes)
        connection.execute(
            sa.update(jobs).where(jobs.c.id == row.id).values(audio={**row.audio, "pcm": ""}, stored_bytes=left_bytes)
        )
    unneeded = [
        name
        for name in sorted({row.audio["pcm"] for row in rows})
        if connection.scalar(sa.select(jobs.c.id).where(jobs.c.audio["pcm"].as_string() == name).limit(1)) is None
    ]
    return unneeded, readings


def _ended_before(before_s: float) -> sa.Select:
    return (
        sa.select(jobs.c.id)
        .where(jobs.c.state.in_([state.value for state in FINAL_JOB]), jobs.c.finished_s < before_s)
        .order_by(jobs.c.finished_s)
        .limit(AT_ONCE)
    )
