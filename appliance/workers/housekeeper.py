"""A worker's duties beside its work: it reports, publishes what it can do, and puts right what others left."""

import logging
import threading
from collections.abc import Callable, Sequence

from appliance.jobs.documents import Capabilities
from appliance.jobs.registry import WorkerRegistry

log = logging.getLogger(__name__)

Duty = Callable[[], object]


def keep_house(duties: Sequence[Duty], gone: threading.Event, every_s: float) -> None:
    """Do all duties now and every so many seconds until `gone`; one that fails is tried again in the next round."""
    first = True
    while first or not gone.wait(every_s):
        first = False
        for duty in duties:
            try:
                duty()
            except Exception:
                # The boundary of a thread that must outlive everything: without it this worker counts as gone and
                # nobody's lost work comes back.
                log.exception("a housekeeping duty failed")


class Publisher:
    """Tells the API about language packs that came or went: its answers and refusals follow what is published."""

    def __init__(self, registry: WorkerRegistry, capabilities: Callable[[], Capabilities]) -> None:
        """Publish through a worker's own entry what `capabilities` returns."""
        self._registry = registry
        self._capabilities = capabilities
        self._published: Capabilities | None = None

    def publish(self) -> None:
        """Publish what this worker can do where it has changed."""
        able = self._capabilities()
        if able != self._published:
            self._registry.changed(able)
            self._published = able
