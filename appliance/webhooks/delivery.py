"""Delivering the outbox: each message at least once, many side by side, until it arrives or its schedule is used up."""

import logging
import random
import ssl
import threading
from typing import Self

from appliance.clock import Clock
from appliance.errors import StorageUnavailable
from appliance.settings import Settings
from appliance.storage.database import Database
from appliance.webhooks.attempt import Sender
from appliance.webhooks.claims import ClaimedMessage, DeliveryLimits, claim
from appliance.webhooks.outcome import write_down

log = logging.getLogger(__name__)

DATABASE_AT_ONCE = 4
"""Of the fifteen connections that a process has on PostgreSQL, the API's requests may need eight."""
CLOSE_WITHIN_S = 5.0
"""How long the end waits for open attempts; the messages of those that take longer come back after their lease."""


class Delivery:
    """Attempts in threads of their own, while its `with` block lasts; any number of processes may share one outbox.

    A message is claimed only when a thread is free for it, so no lease runs while it waits for others.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        clock: Clock,
        limits: DeliveryLimits | None = None,
        jitter: random.Random | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Deliver from this database; certificates are checked with `tls`, by default the operating system's store."""
        self._database = database
        self._clock = clock
        self._limits = limits or DeliveryLimits()
        self._jitter = jitter or random.Random()  # noqa: S311 spreads load only
        self._turns = threading.Semaphore(DATABASE_AT_ONCE)
        self.sender = Sender(
            database, settings, clock, self._limits, tls or ssl.create_default_context(), self._turns
        )  # fmt: skip
        self._open = 0
        self._changed = threading.Condition()

    def __enter__(self) -> Self:
        """Nothing runs before the first round."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give open attempts a moment to end; their threads do not keep the process."""
        self.wait_until_idle(CLOSE_WITHIN_S)

    def run_once(self) -> int:
        """Start attempts at messages whose time has come, as many as there is room for, and return how many.

        Does not wait for them. Raises StorageUnavailable.
        """
        with self._changed:
            room = self._limits.attempts_at_once - self._open
        if room <= 0:
            return 0
        claimed_s = self._clock.monotonic_s()
        messages = claim(self._database, self._limits, room)
        for message in messages:
            self._start(message, claimed_s)
        return len(messages)

    def wait_for_one(self, limit_s: float) -> None:
        """Wait until an open attempt ends, at most so long."""
        with self._changed:
            before = self._open
            self._changed.wait_for(lambda: self._open < before or self._open == 0, limit_s)

    def wait_until_idle(self, limit_s: float) -> bool:
        """Wait until no attempt is open, at most so long; return whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: self._open == 0, limit_s)

    def _start(self, message: ClaimedMessage, claimed_s: float) -> None:
        thread = threading.Thread(target=self._run, args=(message, claimed_s), name="webhook-attempt", daemon=True)
        with self._changed:
            self._open += 1
        try:
            thread.start()
        except RuntimeError:
            log.warning("no thread for a webhook", extra={"message_id": message.id})
            self._ended()

    def _run(self, message: ClaimedMessage, claimed_s: float) -> None:
        try:
            self._attempt(message, claimed_s)
        except StorageUnavailable:
            log.warning("the database was away during a webhook", extra={"message_id": message.id})
        except Exception:
            # The boundary of a thread: the message stays under its lease and is tried again after it.
            log.exception("an attempt at a webhook ended badly", extra={"message_id": message.id})
        finally:
            self._ended()

    def _attempt(self, message: ClaimedMessage, claimed_s: float) -> None:
        outcome = self.sender.attempt(message, claimed_s)
        if outcome is None:
            return
        with self._turns:
            state = write_down(self._database, message, outcome, self._jitter)
        log.info(
            "webhook",
            extra={
                "message_id": message.id,
                "attempt": message.attempts + 1,
                "answer": outcome.answer,
                "state": state or "lease lost",
            },
        )

    def _ended(self) -> None:
        with self._changed:
            self._open -= 1
            self._changed.notify_all()
