"""Uploaded recordings, which go before the jobs they were made for."""

from collections import defaultdict
from collections.abc import Sequence

import msgspec
import sqlalchemy as sa

from appliance.housekeeping.ended_jobs import AT_ONCE, ended_before, let_go
from appliance.housekeeping.house import House, Outcome
from appliance.jobs.documents import AudioFacts
from appliance.jobs.readings import forget_readings, kept_bytes_of_job, reading_objects
from appliance.storage.sets import among
from appliance.storage.tables import jobs

_PCM = jobs.c.audio["pcm"].as_string()


def drop_recordings(house: House) -> Outcome:
    """Remove the recordings of jobs that ended long enough ago, with the readings of languages that did not finish."""
    return let_go(house, house.settings.source_ttl_s, _due, _drop_some)


def _due(before_s: float, after_s: float) -> sa.Select:
    return ended_before(before_s, after_s).where(_PCM != "")


def _drop_some(house: House, due: sa.Select) -> Sequence[sa.Row]:
    columns = (jobs.c.finished_s, jobs.c.application_id, jobs.c.user_id, jobs.c.audio, jobs.c.stored_bytes)
    with house.database.write() as connection:
        # Held before their targets are written, as everybody holds them. Who is being deleted, erased or taken up at
        # this moment, or dropped by another process, is left to the next round.
        some = due.add_columns(*columns).limit(AT_ONCE).with_for_update(skip_locked=True)
        rows = connection.execute(some).all()
        names = _take_out(connection, rows)
    house.objects.delete_all(names)
    return rows


def _take_out(connection: sa.Connection, rows: Sequence[sa.Row]) -> list[str]:
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
    return [*sorted({row.audio["pcm"] for row in rows} - _needed(connection, rows)), *readings]


def _needed(connection: sa.Connection, rows: Sequence[sa.Row]) -> set[str]:
    """Return which of these recordings a job still has; only one of the same owner can: names say whose they are."""
    of_application: dict[str, list[sa.Row]] = defaultdict(list)
    for row in rows:
        of_application[row.application_id].append(row)
    needed: set[str] = set()
    for application_id, theirs in of_application.items():
        found = sa.select(_PCM).where(
            jobs.c.application_id == application_id,
            among(connection, jobs.c.user_id, {row.user_id for row in theirs}),
            among(connection, _PCM, {row.audio["pcm"] for row in theirs}),
        )
        needed.update(connection.scalars(found))
    return needed
