"""The outbox: what an application is to be told, written in the transaction that makes it true."""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple
from urllib.parse import urlsplit

import sqlalchemy as sa

from appliance.jobs.items import new_id
from appliance.storage.sets import among, insert_rows
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


class Notice(NamedTuple):
    """What is to be told: that this job has ended, to a destination that was checked when the job was accepted."""

    job_id: str
    application_id: str
    destination: str


def queue_messages(connection: sa.Connection, notices: Sequence[Notice], now_s: float) -> list[str]:
    """Add a message per notice, due at once, and return their ids.

    A sequence number is the next of its job; the caller holds the jobs' rows, so that no two take the same.
    """
    if not notices:
        return []
    earlier = connection.execute(
        sa.select(outbox.c.job_id, sa.func.max(outbox.c.sequence).label("sequence"))
        .where(among(connection, outbox.c.job_id, [notice.job_id for notice in notices]))
        .group_by(outbox.c.job_id)
    )
    taken = {row.job_id: row.sequence for row in earlier}
    rows = [
        {
            "id": new_id("msg"),
            "job_id": notice.job_id,
            "application_id": notice.application_id,
            "sequence": taken.get(notice.job_id, 0) + 1,
            "destination": notice.destination,
            "receiver": receiver_of(notice.destination),
            "state": MessageState.WAITING,
            "attempts": 0,
            "fence": 0,
            "next_attempt_s": now_s,
            "created_s": now_s,
        }
        for notice in notices
    ]
    insert_rows(connection, outbox, rows)
    return [row["id"] for row in rows]


def receiver_of(destination: str) -> str:
    """Return who answers at a URL, as scheme, host and port: the unit that must not get too many attempts at once."""
    parts = urlsplit(destination)
    host = (parts.hostname or "").rstrip(".")
    return f"{parts.scheme}://{host}:{parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)}"
