"""The outbox as the operator sees it."""

from collections.abc import Sequence

import msgspec
import sqlalchemy as sa

from appliance.jobs.outbox import MessageState
from appliance.storage.database import Database
from appliance.storage.tables import applications, outbox, webhook_destinations
from appliance.webhooks.schedule import SCHEDULE_S


class MessageEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A message in a list; times are seconds since the epoch."""

    id: str
    job_id: str
    sequence: int
    application: str
    destination: str
    state: str
    attempts: int
    attempts_max: int
    last_answer: str | None
    """A status, or a word where there was none; None before the first attempt."""
    next_attempt_s: float | None
    """None for a message that is not tried any more."""
    created_s: float


class DestinationEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A destination that needs attention."""

    id: str
    application: str
    destination: str
    state: str
    since_s: float


def list_messages(database: Database, state: MessageState | None, most: int) -> Sequence[MessageEntry]:
    """Return the newest messages, all or those in one state."""
    query = (
        sa.select(outbox, _name_of(outbox.c.application_id))
        .outerjoin(applications, applications.c.id == outbox.c.application_id)
        .order_by(outbox.c.created_s.desc(), outbox.c.id)
        .limit(most)
    )
    if state is not None:
        query = query.where(outbox.c.state == state)
    with database.read() as connection:
        return [
            MessageEntry(
                id=row.id,
                job_id=row.job_id,
                sequence=row.sequence,
                application=row.application,
                destination=row.destination,
                state=row.state,
                attempts=row.attempts,
                attempts_max=len(SCHEDULE_S),
                last_answer=row.last_answer,
                next_attempt_s=row.next_attempt_s if row.state == MessageState.WAITING else None,
                created_s=row.created_s,
            )
            for row in connection.execute(query)
        ]


def list_destinations(database: Database) -> Sequence[DestinationEntry]:
    """Return the destinations that are disabled or failing, those that have been for longest first."""
    query = (
        sa.select(webhook_destinations, _name_of(webhook_destinations.c.application_id))
        .outerjoin(applications, applications.c.id == webhook_destinations.c.application_id)
        .order_by(webhook_destinations.c.since_s, webhook_destinations.c.id)
    )
    with database.read() as connection:
        return [
            DestinationEntry(
                id=row.id, application=row.application, destination=row.destination, state=row.state,
                since_s=row.since_s,
            )
            for row in connection.execute(query)
        ]  # fmt: skip


def _name_of(application_id: sa.Column) -> sa.Label:
    """Return the application's name, its id where it has no row."""
    return sa.func.coalesce(applications.c.name, application_id).label("application")
