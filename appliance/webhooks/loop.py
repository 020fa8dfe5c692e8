"""The thread that keeps the outbox empty while the API runs."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from appliance.clock import Clock
from appliance.settings import Settings
from appliance.storage.database import Database
from appliance.webhooks.delivery import deliver_due

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0


@contextmanager
def delivering(database: Database, clock: Clock, settings: Settings) -> Iterator[None]:
    """Deliver webhooks in the background until the block ends; without an allowed destination nothing runs."""
    if not settings.webhook_allow:
        yield
        return
    stop = threading.Event()

    def run() -> None:
        # trust_env off: a proxy from the environment would connect to an address that nobody checked.
        with httpx.Client(trust_env=False) as client:
            while not stop.wait(LOOK_EVERY_S):
                try:
                    deliver_due(database, clock, client, settings)
                except Exception:
                    # The boundary of a thread that must outlive any one destination; the messages stay in the outbox.
                    log.exception("a round of webhooks failed")

    thread = threading.Thread(target=run, name="webhooks", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
