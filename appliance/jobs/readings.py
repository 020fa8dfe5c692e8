"""The readings that targets left in the object store: what was spoken on the way to a result, or instead of one."""

import sqlalchemy as sa

from appliance.storage.tables import targets


def reading_objects(connection: sa.Connection, job_id: str) -> set[str]:
    """Return the stored readings of a job's targets; each belongs to one target alone."""
    rows = connection.scalars(sa.select(targets.c.progress).where(targets.c.job_id == job_id))
    return {reading["object"] for progress in rows if progress for reading in progress.get("readings", ())}


def forget_readings(connection: sa.Connection, job_id: str) -> None:
    """Drop what names them; the caller deletes the objects."""
    connection.execute(sa.update(targets).where(targets.c.job_id == job_id).values(progress=None))
