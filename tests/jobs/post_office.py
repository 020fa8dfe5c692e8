"""An outbox with messages in it, and deliveries that tests start and stop, with a clock that stands still."""

import base64
import hashlib
import hmac
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import sqlalchemy as sa

from appliance.access.keys import IssuedKey, create_key
from appliance.application_secret import webhook_secret
from appliance.jobs.outbox import Notice, queue_messages
from appliance.jobs.states import JobState, TargetState
from appliance.settings import Settings
from appliance.storage.database import Database
from appliance.storage.tables import applications, jobs, outbox, targets, webhook_destinations
from appliance.testing.clock import FrozenClock
from appliance.testing.webhook_receiver import HostileReceiver, Received
from appliance.webhooks.claims import DeliveryLimits
from appliance.webhooks.delivery import Delivery

LONG_S = 30.0
"""Longer than anything here takes; a limit, not a wait."""
QUICK = DeliveryLimits(attempts_at_once=16, per_receiver=16, connect_s=1.0, attempt_s=1.0, lease_s=60.0)
"""A second's patience: receivers that hang are on this machine."""


@dataclass
class PostOffice:
    """Messages of finished jobs, and who delivers them."""

    database: Database
    clock: FrozenClock
    settings: Settings
    limits: DeliveryLimits = QUICK
    application: IssuedKey = field(init=False)
    _jobs: int = 0

    def __post_init__(self) -> None:
        self.application = create_key(self.database, "messenger", "app")

    def allow(self, *receivers: HostileReceiver) -> None:
        listed = ",".join(f"127.0.0.1:{receiver.port}" for receiver in receivers)
        self.settings = self.settings.model_copy(update={"webhook_allow": listed})

    def add(self, destination: str, *languages: str, application_id: str | None = None, **job) -> str:
        """Return the id of a message about a job that has just ended."""
        self._jobs += 1
        job_id, now_s = f"job_{self._jobs}", self.clock.now_s()
        owner = application_id or self.application.application_id
        with self.database.write() as connection:
            connection.execute(
                sa.insert(jobs).values(
                    id=job_id, application_id=owner, user_id="alice", accepted_s=now_s, deadline_s=now_s,
                    finished_s=now_s, request={"targets": ["fr"]}, request_sha256="0", audio_sha256="0",
                    **{"state": JobState.DONE, **job},
                )
            )  # fmt: skip
            for position, language in enumerate(languages or ("fr",)):
                connection.execute(
                    sa.insert(targets).values(
                        id=f"{job_id}_{position}", job_id=job_id, position=position, language=language,
                        state=TargetState.FAILED, result_key="0", cached=False, translation={"text": "un secret"},
                        error={"code": "no_route", "detail": "un secret " * 100},
                    )
                )  # fmt: skip
            return queue_messages(connection, [Notice(job_id, owner, destination)], now_s)[0]

    @contextmanager
    def delivery(self, database: Database | None = None, limits: DeliveryLimits | None = None) -> Iterator[Delivery]:
        """Yield a delivery as a process of its own would have it."""
        jitter = random.Random(1)
        with Delivery(database or self.database, self.settings, self.clock, limits or self.limits, jitter) as delivery:
            yield delivery

    def deliver(self) -> int:
        """Deliver until nothing is due, and return how many attempts that were."""
        with self.delivery() as delivery:
            return empty(delivery)

    def row(self, message_id: str) -> sa.Row:
        with self.database.read() as connection:
            return connection.execute(sa.select(outbox).where(outbox.c.id == message_id)).one()

    def states(self) -> set[str]:
        with self.database.read() as connection:
            return set(connection.scalars(sa.select(outbox.c.state)))

    def troubles(self) -> dict[str, str]:
        with self.database.read() as connection:
            rows = connection.execute(sa.select(webhook_destinations)).all()
        return {row.destination: row.state for row in rows}

    def well_signed(self, received: Received) -> bool:
        """Verify as a receiver would, from the specification's text alone."""
        with self.database.read() as connection:
            query = sa.select(applications.c.token_secret).where(applications.c.name == "messenger")
            secret = connection.execute(query).scalar_one()
        return fits(webhook_secret(secret), received)


def empty(delivery: Delivery) -> int:
    """Start attempts until none is due, let them end, and return how many they were."""
    attempts = 0
    while (started := delivery.run_once()) or not delivery.wait_until_idle(0):
        attempts += started
        delivery.wait_for_one(LONG_S)
    return attempts


def fits(secret: str, received: Received) -> bool:
    """Return whether one of the signatures is that of a secret, `whsec_` and base64."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    headers = received.headers
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + received.body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return f"v1,{expected}" in headers["webhook-signature"].split(" ")
