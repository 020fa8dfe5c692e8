"""The outbox: what an application is to be told, written in the transaction that makes it true."""

from enum import StrEnum
from urllib.parse import urlsplit

import sqlalchemy as sa

from appliance.jobs.items import new_id
from appliance.storage.tables import outbox

_DEFAULT_PORTS = {"http": 80, "https": 443}


class MessageState(StrEnum):
    """Where a message stands; all but the first are final until it is replayed."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    GONE = "gone"
    """The receiver answered 410, to this message or to an earlier one."""
    REFUSED = "refused"
    """The site's list no longer holds the destination."""
    FAILED = "failed"
    """The whole schedule is used up."""


def queue_message(connection: sa.Connection, job_id: str, application_id: str, destination: str, now_s: float) -> str:
    """Add a message about a job, due at once, and return its id.

    Its sequence number is the next of this job; the caller holds the job's row, so that no two take the same. The
    destination has been checked by whoever accepted the job.
    """
    message_id = new_id("msg")
    earlier = sa.select(sa.func.coalesce(sa.func.max(outbox.c.sequence), 0)).where(outbox.c.job_id == job_id)
    connection.execute(
        sa.insert(outbox).values(
            id=message_id,
            job_id=job_id,
            application_id=application_id,
            sequence=connection.execute(earlier).scalar_one() + 1,
            destination=destination,
            receiver=receiver_of(destination),
            state=MessageState.WAITING,
            attempts=0,
            fence=0,
            next_attempt_s=now_s,
            created_s=now_s,
        )
    )
    return message_id


def receiver_of(destination: str) -> str:
    """Return who answers at a URL, as scheme, host and port: the unit that must not get too many attempts at once."""
    parts = urlsplit(destination)
    host = (parts.hostname or "").rstrip(".")
    return f"{parts.scheme}://{host}:{parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)}"
