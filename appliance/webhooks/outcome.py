"""What came of an attempt, and writing it down: once, and only while the lease is held."""

import random
from typing import Literal

import msgspec
import sqlalchemy as sa

from appliance.jobs.outbox import MessageState
from appliance.storage.database import Database
from appliance.telemetry.noting import note
from appliance.webhooks.claims import ClaimedMessage, held
from appliance.webhooks.schedule import pause_s
from appliance.webhooks.trouble import DestinationState, mark, mark_well, still_disabled

_GONE = 410


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How one attempt ended."""

    kind: Literal["delivered", "missed", "gone", "disabled", "refused"]
    """`gone` is said by the receiver now, `disabled` was said before, so that nothing was sent."""
    answer: str
    """The status, or one word for what was there instead: `timeout`, `unreachable`, `refused`, `disabled`, `broken`."""
    asked_pause_s: float | None = None
    """What a busy receiver asks for."""


def outcome_of_status(status: int, asked_pause_s: float | None = None) -> Outcome:
    """Return the outcome of an answer: 2xx delivers, 410 disables, anything else, redirects too, is a miss."""
    if 200 <= status < 300:
        return Outcome(kind="delivered", answer=str(status))
    if status == _GONE:
        return Outcome(kind="gone", answer=str(status))
    return Outcome(kind="missed", answer=str(status), asked_pause_s=asked_pause_s)


def write_down(
    database: Database, message: ClaimedMessage, outcome: Outcome, jitter: random.Random
) -> MessageState | None:
    """End the lease with what came of the attempt and return the message's state.

    None where nothing was written, because the lease was lost or the job deleted meanwhile.
    """
    tried = message.attempts + (outcome.kind in ("delivered", "missed", "gone"))
    pause = pause_s(tried, jitter, outcome.asked_pause_s)
    state = _state(outcome, last=pause is None)
    with database.write() as connection:
        now_s = database.now_s(connection)
        if outcome.kind == "disabled" and not still_disabled(connection, message.application_id, message.destination):
            # Enabled a moment ago, by somebody who did not see this message among those that were missed.
            state, pause = MessageState.WAITING, 0.0
        moved = connection.execute(
            held(message).values(
                state=state, attempts=tried, next_attempt_s=now_s + (pause or 0.0), last_answer=outcome.answer
            )
        )
        if moved.rowcount != 1:
            return None
        _mark_destination(connection, message, outcome, state, now_s)
        note(connection, "webhook_attempts", outcome.kind)
    return state


def _state(outcome: Outcome, *, last: bool) -> MessageState:
    if outcome.kind == "delivered":
        return MessageState.DELIVERED
    if outcome.kind in ("gone", "disabled"):
        return MessageState.GONE
    if outcome.kind == "refused":
        return MessageState.REFUSED
    return MessageState.FAILED if last else MessageState.WAITING


def _mark_destination(
    connection: sa.Connection, message: ClaimedMessage, outcome: Outcome, state: MessageState, now_s: float
) -> None:
    if state is MessageState.DELIVERED:
        mark_well(connection, message.application_id, message.destination)
    elif outcome.kind == "gone":
        mark(connection, message.application_id, message.destination, DestinationState.DISABLED, now_s)
    elif state is MessageState.FAILED:
        mark(connection, message.application_id, message.destination, DestinationState.FAILING, now_s)
