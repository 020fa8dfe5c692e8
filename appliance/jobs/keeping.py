"""Keeping leases alive from outside the working thread, which may sit in C code for seconds."""

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from appliance.jobs.claims import Claims
from appliance.jobs.items import ClaimedItem

log = logging.getLogger(__name__)

RENEWALS_PER_LEASE = 5


@contextmanager
def kept(claims: Claims, items: Sequence[ClaimedItem], lease_s: float) -> Iterator[None]:
    """Renew the items' leases in the background until the block ends."""
    done = threading.Event()

    def renew() -> None:
        while not done.wait(lease_s / RENEWALS_PER_LEASE):
            try:
                claims.renew(items)
            except Exception:
                # The boundary of a thread that must go on: the lease outlives a few missed renewals, and if it does
                # not, the fence protects the rows.
                log.exception("leases not renewed")

    thread = threading.Thread(target=renew, name="lease-keeper", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
