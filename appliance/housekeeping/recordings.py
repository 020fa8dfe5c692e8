"""Uploaded recordings, which go before the jobs they were made for."""

import msgspec
import sqlalchemy as sa

from appliance.housekeeping.ended_jobs import AT_ONCE, count, ended_before
from appliance.housekeeping.house import House, Outcome
from appliance.jobs.documents import AudioFacts
from appliance.jobs.readings import forget_readings, kept_bytes_of_job, reading_objects
from appliance.storage.tables import jobs


def drop_recordings(house: House) -> Outcome:
    """Remove the recordings of jobs that ended long enough ago, with the readings of languages that did not finish."""
    with house.transaction() as connection:
        due = ended_before(house.database.now_s(connection) - house.settings.source_ttl_s)
        due = due.where(jobs.c.audio["pcm"].as_string() != "")
        rows = connection.execute(
            sa.select(jobs.c.id, jobs.c.audio, jobs.c.stored_bytes).where(jobs.c.id.in_(due.limit(AT_ONCE)))
        ).all()
        found = len(rows) if len(rows) < AT_ONCE else count(connection, due)
        names = _take_out(connection, rows)
    if house.dry_run:
        return Outcome(found=found, done=0)
    for name in names:
        house.objects.delete(name)
    return Outcome(found=found, done=len(rows))


def _take_out(connection: sa.Connection, rows: list[sa.Row]) -> list[str]:
    """Take recordings and readings out of ended jobs; return the readings, and the recordings no younger job needs."""
    readings: set[str] = set()
    for row in rows:
        readings |= reading_objects(connection, row.id)
        goes_bytes = msgspec.convert(row.audio, AudioFacts).recording_bytes + kept_bytes_of_job(connection, row.id)
        forget_readings(connection, row.id)
        # Jobs from before bytes were counted hold none.
        left_bytes = max(0, row.stored_bytes - goes_bytes)
        connection.execute(
            sa.update(jobs).where(jobs.c.id == row.id).values(audio={**row.audio, "pcm": ""}, stored_bytes=left_bytes)
        )
    unneeded = [
        name
        for name in sorted({row.audio["pcm"] for row in rows})
        if connection.scalar(sa.select(jobs.c.id).where(jobs.c.audio["pcm"].as_string() == name).limit(1)) is None
    ]
    return [*unneeded, *readings]
