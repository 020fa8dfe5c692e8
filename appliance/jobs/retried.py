"""What joins a job that ended badly to the one that takes it up."""

from collections.abc import Collection, Sequence

import sqlalchemy as sa

from appliance.owner import Owner
from appliance.storage.sets import among
from appliance.storage.tables import jobs

_KEY = "console-retry:"


def retry_key(job_id: str) -> str:
    """Return the idempotency key of the job that takes up another: however often it is made, it is one."""
    return f"{_KEY}{job_id}"


def retries_of(connection: sa.Connection, owner: Owner, job_ids: Collection[str]) -> Sequence[sa.Row]:
    """Return id and state of the owner's jobs that took up these, which may be gone."""
    return connection.execute(
        sa.select(jobs.c.id, jobs.c.state).where(
            jobs.c.application_id == owner.application_id,
            jobs.c.user_id == owner.user_id,
            among(connection, jobs.c.idempotency_key, [retry_key(job_id) for job_id in job_ids]),
        )
    ).all()
