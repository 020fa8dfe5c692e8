"""Destinations that need somebody's attention, per application: disabled by a 410, or failing for a whole schedule.

One that is well has no row.
"""

from enum import StrEnum

import sqlalchemy as sa

from appliance.cache.keys import digest
from appliance.errors import DestinationDisabled, NotFound
from appliance.jobs.locks import hold_names
from appliance.jobs.outbox import MessageState, receiver_of
from appliance.storage.database import Database
from appliance.storage.tables import applications, outbox, webhook_destinations
from appliance.webhooks.audit import record


class DestinationState(StrEnum):
    """What is the matter with a destination."""

    DISABLED = "disabled"
    """It answered 410: nothing is sent there, and no new job may name it, until it is enabled."""
    FAILING = "failing"
    """A message used up its schedule and none has arrived since; new ones are sent all the same."""


def destination_id(application_id: str, destination: str) -> str:
    """Return the id of an application's destination: 64 hex digits that do not tell the URL."""
    return digest("webhook destination", application_id, destination)


def is_disabled(connection: sa.Connection, application_id: str, destination: str) -> bool:
    """Return whether nothing may be sent there for this application."""
    row = _row(application_id, destination)
    return connection.scalar(sa.select(webhook_destinations.c.state).where(row)) == DestinationState.DISABLED


def still_disabled(connection: sa.Connection, application_id: str, destination: str) -> bool:
    """Return `is_disabled`, and keep the answer true to the end of this transaction: `enable` waits, or was before."""
    hold_names(connection, [destination_id(application_id, destination)])
    return is_disabled(connection, application_id, destination)


def require_enabled(connection: sa.Connection, application_id: str, destination: str) -> None:
    """Raise DestinationDisabled where the receiver has said that it is gone."""
    if is_disabled(connection, application_id, destination):
        raise DestinationDisabled


def mark(
    connection: sa.Connection, application_id: str, destination: str, state: DestinationState, now_s: float
) -> None:
    """Note what is the matter; one that is disabled stays so, and one that fails keeps the time it began to."""
    named = destination_id(application_id, destination)
    hold_names(connection, [named])
    earlier = connection.scalar(sa.select(webhook_destinations.c.state).where(webhook_destinations.c.id == named))
    if earlier in (state, DestinationState.DISABLED):
        return
    connection.execute(sa.delete(webhook_destinations).where(webhook_destinations.c.id == named))
    connection.execute(
        sa.insert(webhook_destinations).values(
            id=named, application_id=application_id, destination=destination, state=state, since_s=now_s
        )
    )
    record(
        connection, "delivery", application_id, f"webhook_{state}", named, now_s, receiver=receiver_of(destination)
    )  # fmt: skip


def mark_well(connection: sa.Connection, application_id: str, destination: str) -> None:
    """Note that a message arrived: the destination fails no more."""
    failing = webhook_destinations.c.state == DestinationState.FAILING
    connection.execute(sa.delete(webhook_destinations).where(_row(application_id, destination), failing))


def enable(database: Database, named: str, application: str | None = None) -> int:
    """Send to a destination again and return how many messages that it missed are due at once.

    `named` is its URL or its id, for every application that has it or for one, by name. NotFound where it is well.
    """
    with database.write() as connection:
        now_s = database.now_s(connection)
        query = sa.select(webhook_destinations).where(
            sa.or_(webhook_destinations.c.id == named, webhook_destinations.c.destination == named)
        )
        if application is not None:
            owner = sa.select(applications.c.id).where(applications.c.name == application)
            query = query.where(webhook_destinations.c.application_id.in_(owner))
        rows = connection.execute(query.order_by(webhook_destinations.c.id)).all()
        if not rows:
            raise NotFound("No such destination is disabled or failing; see: meeshy webhooks list.")
        hold_names(connection, [row.id for row in rows])
        return sum(_enable(connection, row, now_s) for row in rows)


def _enable(connection: sa.Connection, row: sa.Row, now_s: float) -> int:
    connection.execute(sa.delete(webhook_destinations).where(webhook_destinations.c.id == row.id))
    missed = connection.execute(
        sa.update(outbox)
        .where(
            outbox.c.application_id == row.application_id,
            outbox.c.destination == row.destination,
            outbox.c.state == MessageState.GONE,
        )
        .values(state=MessageState.WAITING, attempts=0, next_attempt_s=now_s, lease_until_s=None)
    ).rowcount
    record(
        connection, "operator", row.application_id, "webhook_enabled", row.id, now_s,
        receiver=receiver_of(row.destination), messages=missed,
    )  # fmt: skip
    return missed


def _row(application_id: str, destination: str) -> sa.ColumnElement[bool]:
    return webhook_destinations.c.id == destination_id(application_id, destination)
