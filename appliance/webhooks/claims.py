"""Taking messages out of the outbox: under a lease by database time and a fence, as workers take work items.

A claimed message stays `waiting` and is due again when its lease ends. So nobody has to put it right after its process
died: the next claim, by anyone, takes it. Its attempt is counted when it has ended, so a death costs none of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import sqlalchemy as sa

from appliance.jobs.locks import hold_names
from appliance.jobs.outbox import MessageState
from appliance.storage.database import Database
from appliance.storage.tables import outbox

_CLAIMING = "webhooks: claims"


@dataclass(frozen=True, kw_only=True)
class DeliveryLimits:
    """How much at once, and how long; times are seconds."""

    attempts_at_once: int = 32
    """Of one process."""
    per_receiver: int = 4
    """Of all processes together, so that one that hangs holds no more."""
    connect_s: float = 5.0
    attempt_s: float = 15.0
    """From the address to the status line."""
    lease_s: float = 60.0
    """Reading the message, the attempt, and writing down what came of it."""

    @property
    def start_within_s(self) -> float:
        """Return how long after its claim a message may be sent: a later attempt could outlive the lease."""
        return self.lease_s - self.attempt_s


class ClaimedMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message under lease; what becomes of it is written only while its fence is the row's."""

    id: str
    job_id: str
    application_id: str
    sequence: int
    destination: str
    attempts: int
    """Those that have ended, all without success."""
    fence: int
    created_s: float


def claim(database: Database, limits: DeliveryLimits, most: int) -> Sequence[ClaimedMessage]:
    """Return messages whose time has come, at most so many, each held for a lease.

    Receivers take turns, and none gets more attempts at once than its limit over all processes.
    """
    with database.write() as connection:
        # One claim at a time: two at once would both find the same room at a receiver.
        hold_names(connection, [_CLAIMING])
        now_s = database.now_s(connection)
        ids = connection.scalars(_due(now_s, limits.per_receiver).limit(most)).all()
        rows = connection.execute(
            sa.update(outbox)
            .where(outbox.c.id.in_(ids), *_runnable(now_s))
            .values(
                fence=outbox.c.fence + 1,
                lease_until_s=now_s + limits.lease_s,
                next_attempt_s=now_s + limits.lease_s,
            )
            .returning(*(outbox.c[name] for name in ClaimedMessage.__struct_fields__))
        ).mappings()
        return [ClaimedMessage(**row) for row in rows]


def held(message: ClaimedMessage) -> sa.Update:
    """Return the update of a claimed message that ends its lease, and that changes no row when somebody else has it."""
    return (
        sa.update(outbox)
        .where(
            outbox.c.id == message.id,
            outbox.c.fence == message.fence,
            outbox.c.state == MessageState.WAITING,
            outbox.c.lease_until_s.is_not(None),
        )
        .values(lease_until_s=None)
    )


def _due(now_s: float, per_receiver: int) -> sa.Select:
    busy = (
        sa.select(outbox.c.receiver, sa.func.count().label("attempts"))
        .where(outbox.c.state == MessageState.WAITING, outbox.c.lease_until_s > now_s)
        .group_by(outbox.c.receiver)
        .subquery()
    )
    turn = sa.func.row_number().over(
        partition_by=outbox.c.receiver, order_by=(outbox.c.next_attempt_s, outbox.c.id)
    )  # fmt: skip
    due = (
        sa.select(outbox.c.id, outbox.c.receiver, outbox.c.next_attempt_s, turn.label("turn"))
        .where(*_runnable(now_s))
        .subquery()
    )
    return (
        sa.select(due.c.id)
        .outerjoin(busy, busy.c.receiver == due.c.receiver)
        .where(due.c.turn + sa.func.coalesce(busy.c.attempts, 0) <= per_receiver)
        .order_by(due.c.turn, due.c.next_attempt_s, due.c.id)
    )


def _runnable(now_s: float) -> tuple[sa.ColumnElement[bool], ...]:
    return outbox.c.state == MessageState.WAITING, outbox.c.next_attempt_s <= now_s
