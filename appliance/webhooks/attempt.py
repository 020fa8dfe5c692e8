"""One attempt at one message: read what to send, check where it goes, send it."""

import logging
import ssl
import threading
from dataclasses import dataclass

from appliance.clock import Clock
from appliance.errors import DestinationRefused, NotFound, StorageUnavailable
from appliance.settings import Settings
from appliance.storage.database import Database
from appliance.webhooks.claims import ClaimedMessage, DeliveryLimits
from appliance.webhooks.destination import address_within, allowed_destination
from appliance.webhooks.exchange import TimeLimit, post
from appliance.webhooks.message import body_of, signing_keys
from appliance.webhooks.outcome import Outcome, outcome_of_status
from appliance.webhooks.schedule import asked_pause_s
from appliance.webhooks.signing import signed_headers
from appliance.webhooks.trouble import is_disabled

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sender:
    """Everything an attempt needs."""

    database: Database
    settings: Settings
    clock: Clock
    limits: DeliveryLimits
    tls: ssl.SSLContext
    turns: threading.Semaphore
    """At the database: the threads that wait for receivers must not take all its connections from the API."""

    def attempt(self, message: ClaimedMessage, claimed_s: float) -> Outcome | None:
        """Return what came of it; None where it was not made, because the job is deleted or the lease nearly over.

        `claimed_s` is a monotonic time before the claim. Raises StorageUnavailable; nothing that a receiver does.
        """
        try:
            with self.turns, self.database.read() as connection:
                if is_disabled(connection, message.application_id, message.destination):
                    return Outcome(kind="disabled", answer="disabled")
                body = body_of(connection, message)
                keys = signing_keys(connection, message.application_id, self.database.now_s(connection))
            if self.clock.monotonic_s() - claimed_s > self.limits.start_within_s:
                return None
            return self._sent(message, body, keys)
        except NotFound:
            return None
        except StorageUnavailable:
            raise
        except Exception:
            # A message that breaks the sender uses up its attempts like any other, or it would come back for ever.
            log.exception("a webhook could not be sent", extra={"message_id": message.id})
            return Outcome(kind="missed", answer="broken")

    def _sent(self, message: ClaimedMessage, body: bytes, keys: list[bytes]) -> Outcome:
        limit = TimeLimit(self.limits.attempt_s)
        now_s = self.clock.now_s()
        try:
            destination = allowed_destination(message.destination, self.settings)
            address = address_within(destination, self.settings, limit.left_s())
            headers = signed_headers(keys, message.id, now_s, body)
            answer = post(
                destination, address, headers, body, limit=limit, connect_s=self.limits.connect_s, tls=self.tls
            )
        except DestinationRefused:
            return Outcome(kind="refused", answer="refused")
        except TimeoutError:
            return Outcome(kind="missed", answer="timeout")
        except OSError:
            return Outcome(kind="missed", answer="unreachable")
        return outcome_of_status(answer.status, asked_pause_s(answer.status, answer.retry_after, now_s))
