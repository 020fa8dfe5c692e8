"""Sending messages again on the operator's word: the same message with the same id, through its whole schedule."""

from collections.abc import Sequence

import sqlalchemy as sa

from appliance.errors import CommandFailed, NotFound
from appliance.jobs.outbox import MessageState
from appliance.storage.database import Database
from appliance.storage.tables import outbox
from appliance.webhooks.audit import record
from appliance.webhooks.trouble import is_disabled

REPLAYED_AS_FAILED = (MessageState.FAILED, MessageState.REFUSED)
"""Messages that are `gone` come back when their destination is enabled."""


def replay_message(database: Database, message_id: str) -> None:
    """Make a message due at once, whatever its state.

    NotFound for an unknown id. CommandFailed while an attempt at it is open, and for a disabled destination.
    """
    with database.write() as connection:
        row = connection.execute(sa.select(outbox).where(outbox.c.id == message_id)).first()
        if row is None:
            raise NotFound(f"There is no message with the id '{message_id}'; see: meeshy webhooks list.")
        if is_disabled(connection, row.application_id, row.destination):
            raise CommandFailed("Its destination is disabled; run: meeshy webhooks enable DESTINATION")
        if not _replay(connection, outbox.c.id == message_id, database.now_s(connection)):
            raise CommandFailed("It is being delivered at this moment.")


def replay_failed(database: Database, since_s: float) -> Sequence[str]:
    """Make the messages due at once that failed or were refused and were written in the last so many seconds.

    Returns their ids.
    """
    with database.write() as connection:
        now_s = database.now_s(connection)
        return _replay(
            connection,
            sa.and_(outbox.c.state.in_(REPLAYED_AS_FAILED), outbox.c.created_s >= now_s - since_s),
            now_s,
        )


def _replay(connection: sa.Connection, which: sa.ColumnElement[bool], now_s: float) -> Sequence[str]:
    rows = connection.execute(
        sa.update(outbox)
        .where(which, sa.or_(outbox.c.lease_until_s.is_(None), outbox.c.lease_until_s <= now_s))
        .values(
            state=MessageState.WAITING,
            attempts=0,
            # An attempt that outlived its lease must not write what came of it over the new one's.
            fence=outbox.c.fence + 1,
            lease_until_s=None,
            next_attempt_s=now_s,
        )
        .returning(outbox.c.id, outbox.c.application_id, outbox.c.job_id)
    ).all()
    for row in rows:
        record(connection, "operator", row.application_id, "webhook_replayed", row.id, now_s, job_id=row.job_id)
    return [row.id for row in rows]
