"""The thread that keeps the outbox empty, in `meeshy serve` or in any other process."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from appliance.clock import Clock
from appliance.errors import StorageUnavailable
from appliance.settings import Settings
from appliance.storage.database import Database
from appliance.webhooks.delivery import Delivery

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0


@contextmanager
def delivering(database: Database, clock: Clock, settings: Settings) -> Iterator[None]:
    """Deliver webhooks in the background until the block ends; without an allowed destination nothing runs."""
    if not settings.webhook_allow:
        yield
        return
    stop = threading.Event()
    with Delivery(database, settings, clock) as delivery:
        thread = threading.Thread(target=_run, args=(delivery, stop), name="webhooks", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


def _run(delivery: Delivery, stop: threading.Event) -> None:
    while not stop.is_set():
        if _round(delivery):
            # Whoever found messages finds more as soon as there is room: an outbox that is full empties at full speed.
            delivery.wait_for_one(LOOK_EVERY_S)
        else:
            stop.wait(LOOK_EVERY_S)


def _round(delivery: Delivery) -> int:
    try:
        return delivery.run_once()
    except StorageUnavailable:
        log.warning("the database is away; no webhooks for now")
    except Exception:
        # The boundary of a thread that must outlive any one round; the messages stay in the outbox.
        log.exception("a round of webhooks failed")
    return 0
