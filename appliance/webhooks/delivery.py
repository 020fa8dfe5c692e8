"""Delivering the outbox: every message at least once, with growing pauses, until the receiver takes it or it is over.

A message is claimed by moving its next attempt into the future, so that several processes can deliver from one outbox
and a process that dies in between only delays it.
"""

import logging
import random
from collections.abc import Sequence
from datetime import UTC, datetime

import httpx
import msgspec
import sqlalchemy as sa

from appliance.application_secret import webhook_key
from appliance.clock import Clock
from appliance.errors import DestinationRefused
from appliance.jobs.query import load_job
from appliance.settings import Settings
from appliance.storage.database import Database
from appliance.storage.tables import applications, outbox
from appliance.webhooks.destination import allowed_destination, checked_address
from appliance.webhooks.signing import signed_headers

log = logging.getLogger(__name__)

TIMEOUT_S = 10.0
ATTEMPTS = 10
FIRST_PAUSE_S = 5.0
PAUSE_GROWTH = 4.0
LONGEST_PAUSE_S = 6 * 3600.0
"""Ten attempts: after 5 s, 20 s, 80 s, 5 min, 21 min, 85 min, 5.7 h, 6 h and 6 h, each up to a fifth longer."""
JITTER = 0.2
BATCH = 10
CLAIM_S = 2 * BATCH * TIMEOUT_S
"""Longer than a whole batch of receivers that do not answer."""
_GONE = 410


class _Message(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    destination: str
    attempts: int
    key: bytes
    body: bytes


def deliver_due(
    database: Database, clock: Clock, client: httpx.Client, settings: Settings, jitter: random.Random | None = None
) -> int:
    """Try every message whose time has come, at most ten, and return how many that were; never raises for a receiver.

    States: `delivered` (2xx), `gone` (410), `refused` (no longer allowed), `failed` (no attempt left), else `waiting`.
    """
    messages = _claim(database, clock.now_s())
    for message in messages:
        state = _attempt(message, clock, client, settings)
        _note(database, message, state, clock.now_s(), jitter or random.Random())  # noqa: S311 spreads load only
        log.info("webhook", extra={"message_id": message.id, "attempt": message.attempts, "state": state})
    return len(messages)


def pause_s(attempts: int, jitter: random.Random) -> float:
    """Return the seconds until the next attempt after so many failed ones."""
    return min(LONGEST_PAUSE_S, FIRST_PAUSE_S * PAUSE_GROWTH ** (attempts - 1)) * (1 + JITTER * jitter.random())


def _claim(database: Database, now_s: float) -> Sequence[_Message]:
    with database.write() as connection:
        due = (
            sa.select(outbox.c.id)
            .where(outbox.c.state == "waiting", outbox.c.next_attempt_s <= now_s)
            .order_by(outbox.c.next_attempt_s)
            .limit(BATCH)
            .with_for_update(skip_locked=True)
        )
        rows = connection.execute(
            sa.update(outbox)
            .where(outbox.c.id.in_(due))
            .values(attempts=outbox.c.attempts + 1, next_attempt_s=now_s + CLAIM_S)
            .returning(outbox)
        ).all()
        return [_message(connection, row) for row in rows]


def _message(connection: sa.Connection, row: sa.Row) -> _Message:
    """Return the message to send: ids and states only; texts and audio are fetched with the caller's own key."""
    job = load_job(connection, row.job_id)
    secret = connection.scalar(
        sa.select(applications.c.token_secret).where(applications.c.id == job.owner.application_id)
    )
    body = {
        "type": f"voice.job.{job.state}",
        "timestamp": datetime.fromtimestamp(job.finished_s or row.created_s, UTC).isoformat(),
        "data": {
            "job_id": job.id,
            "user_id": job.owner.user_id,
            "state": job.state,
            "error": job.error,
            "targets": [{"language": t.language, "state": t.state, "error": t.error} for t in job.targets],
        },
    }
    return _Message(
        id=row.id,
        destination=row.destination,
        attempts=row.attempts,
        key=webhook_key(secret),
        body=msgspec.json.encode(body),
    )


def _attempt(message: _Message, clock: Clock, client: httpx.Client, settings: Settings) -> str:
    try:
        destination = allowed_destination(message.destination, settings)
        url = destination.at(checked_address(destination, settings))
        # The status alone counts: the body is never read, so an endless one cannot hold the delivery up.
        with client.stream(
            "POST",
            url,
            content=message.body,
            headers={
                "host": destination.authority,
                "content-type": "application/json",
                **signed_headers(message.key, message.id, clock.now_s(), message.body),
            },
            follow_redirects=False,
            timeout=TIMEOUT_S,
            # The connection goes to the checked address; the certificate has to be the name's.
            extensions={"sni_hostname": destination.host},
        ) as response:
            status = response.status_code
    except DestinationRefused:
        return "refused"
    except (httpx.HTTPError, OSError):
        status = 0
    if 200 <= status < 300:
        return "delivered"
    if status == _GONE:
        return "gone"
    return "failed" if message.attempts >= ATTEMPTS else "waiting"


def _note(database: Database, message: _Message, state: str, now_s: float, jitter: random.Random) -> None:
    with database.write() as connection:
        connection.execute(
            sa.update(outbox)
            .where(outbox.c.id == message.id, outbox.c.attempts == message.attempts)
            .values(state=state, next_attempt_s=now_s + pause_s(message.attempts, jitter))
        )
