"""The worker child of `meeshy serve`: loads the engines, then answers doorbells that come in over standard input.

Standard input is one end of a socket pair whose other end the API process holds. A byte is a ring; the end of the
stream means that the API process is gone, so the child finishes its batch and ends too.
"""

import logging
import secrets
import signal
import sys
import threading
from collections.abc import Callable

from appliance.errors import MeeshyError
from appliance.jobs.reconcile import reconcile
from appliance.jobs.registry import WorkerRegistry
from appliance.jobs.retention import let_go
from appliance.settings import Settings
from appliance.telemetry.logs import configure_logs
from appliance.workers.assembly import assemble
from appliance.workers.capabilities import capabilities_of
from appliance.workers.doorbell import LocalDoorbell
from appliance.workers.housekeeper import Publisher, Seldom, keep_house
from appliance.workers.roles import FAMILIES
from appliance.workers.worker import Worker
from appliance.workers.workshop import Build, Workshop, opened

log = logging.getLogger(__name__)

RING_BYTES = 4096
SWEEP_EVERY_S = 60.0
"""Recordings are kept for hours, results for days; a sweep reads every job between the two ages."""


def main(build: Build = assemble) -> int:
    """Run until standard input ends; 1 when the engines cannot be loaded, with the reason as one line on stderr."""
    settings = Settings()
    configure_logs(settings.log_level)
    # Ctrl-C goes to the whole terminal group; the API process decides when this child ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with opened(settings, build, FAMILIES) as workshop:
            _work(settings, workshop)
    except MeeshyError as failure:
        log.error("the worker cannot start: %s", failure.detail, extra={"code": failure.code})
        return 1
    return 0


def _work(settings: Settings, workshop: Workshop) -> None:
    worker_id = f"worker_{secrets.token_hex(6)}"
    context = workshop.context
    registry = WorkerRegistry(context.database, worker_id)
    registry.announce(capabilities_of(context.engines, settings), FAMILIES)
    registry.proven()
    worker = Worker(context, worker_id)
    gone = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: gone.set())
    with LocalDoorbell(worker.run_until_idle) as doorbell:
        duties = duties_of(settings, workshop, registry, doorbell.ring)
        duties.append(lambda: worker.observations.tell(context.database))
        _in_background("doorbell-listener", lambda: _listen(doorbell.ring, gone))
        _in_background("housekeeper", lambda: keep_house(duties, gone, settings.poll_s))
        doorbell.ring()
        gone.wait()
        worker.stop()


def duties_of(
    settings: Settings, workshop: Workshop, registry: WorkerRegistry, ring: Callable[[], None]
) -> list[Callable[[], object]]:
    """Return what this worker does every round; the only process of its appliance beside the API does everything."""
    context = workshop.context
    return [
        registry.seen,
        Publisher(registry, lambda: capabilities_of(context.engines, settings)).publish,
        lambda: reconcile(context.database, settings.attempts),
        Seldom(lambda: let_go(context.database, context.objects, settings), SWEEP_EVERY_S, context.clock),
        # In case a doorbell was lost.
        *([ring] if settings.poll_rings else []),
    ]


def _listen(ring: Callable[[], None], gone: threading.Event) -> None:
    while sys.stdin.buffer.raw.read(RING_BYTES):
        ring()
    gone.set()


def _in_background(name: str, run: Callable[[], None]) -> None:
    threading.Thread(target=run, name=name, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
