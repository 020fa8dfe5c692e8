"""What is sent: ids and states only; texts and audio are fetched with the caller's own key."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from appliance.application_secret import webhook_key
from appliance.errors import NotFound
from appliance.jobs.documents import Failure
from appliance.jobs.query import load_job
from appliance.storage.tables import applications
from appliance.webhooks.claims import ClaimedMessage

LARGEST_BODY_BYTES = 20_000
"""What the Standard Webhooks specification advises; a job of 20 languages that all failed has about 3,000."""


def body_of(connection: sa.Connection, message: ClaimedMessage) -> bytes:
    """Return the JSON of a message, the same at every attempt; NotFound when its job is deleted."""
    job = load_job(connection, message.job_id)
    document = {
        "type": f"voice.job.{job.state}",
        "timestamp": datetime.fromtimestamp(job.finished_s or message.created_s, UTC).isoformat(),
        "data": {
            "job_id": job.id,
            "sequence": message.sequence,
            "user_id": job.owner.user_id,
            "state": job.state,
            "error": _code(job.error),
            "targets": [
                {"language": target.language, "state": target.state, "error": _code(target.error)}
                for target in job.targets
            ],
        },
    }
    return msgspec.json.encode(document)


def signing_keys(connection: sa.Connection, application_id: str, now_s: float) -> list[bytes]:
    """Return the keys to sign with: the application's own and, for a day after a change, the one before."""
    row = connection.execute(sa.select(applications).where(applications.c.id == application_id)).first()
    if row is None:
        raise NotFound("There is no such application.")
    secrets = [row.token_secret]
    if row.previous_secret is not None and row.previous_until_s > now_s:
        secrets.append(row.previous_secret)
    return [webhook_key(secret) for secret in secrets]


def _code(failure: Failure | None) -> dict[str, Any] | None:
    """Return a failure without its sentence, which has no limit and may name what was asked for."""
    return None if failure is None else {"code": failure.code}
