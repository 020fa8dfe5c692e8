"""The readings that targets left in the object store: what was spoken on the way to a result, or instead of one."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from appliance.storage.tables import targets


def reading_objects(connection: sa.Connection, job_id: str) -> set[str]:
    """Return the stored readings of a job's targets; each belongs to one target alone."""
    rows = connection.scalars(sa.select(targets.c.progress).where(targets.c.job_id == job_id))
    return {reading["object"] for progress in rows if progress for reading in progress.get("readings", ())}


def kept_bytes(progress: Mapping[str, Any] | None) -> int:
    """Return what the readings of a finished target take that stay, because their utterances are kept."""
    return sum(reading.get("kept_bytes", 0) for reading in (progress or {}).get("readings", ()))


def kept_bytes_of_job(connection: sa.Connection, job_id: str) -> int:
    """Return what the kept readings of a job's finished targets take."""
    spoken = sa.select(targets.c.progress).where(targets.c.job_id == job_id, targets.c.spoken.is_not(None))
    return sum(map(kept_bytes, connection.scalars(spoken)))


def forget_readings(connection: sa.Connection, job_id: str) -> None:
    """Drop what names them; the caller deletes the objects."""
    connection.execute(sa.update(targets).where(targets.c.job_id == job_id).values(progress=None))
