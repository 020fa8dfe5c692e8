"""The worker child of `meeshy serve`: loads the engines, then answers doorbells that come in over standard input.

Standard input is one end of a socket pair whose other end the API process holds. A byte is a ring; the end of the
stream means that the API process is gone, so the child finishes its batch and ends too.
"""

import logging
import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable

from appliance.errors import MeeshyError
from appliance.gpus.watch import gpus_watched
from appliance.housekeeping.house import House
from appliance.housekeeping.rounds import Rounds
from appliance.jobs.reconcile import reconcile
from appliance.jobs.registry import WorkerRegistry, this_host
from appliance.settings import Settings, read_settings
from appliance.telemetry.exposing import exposed
from appliance.telemetry.logs import configure_logs
from appliance.telemetry.metrics import Metrics
from appliance.workers.assembly import assemble
from appliance.workers.capabilities import capabilities_of
from appliance.workers.housekeeper import Publisher, keep_house
from appliance.workers.lanes import Lanes
from appliance.workers.roles import FAMILIES
from appliance.workers.workshop import Build, Workshop, opened

log = logging.getLogger(__name__)

RING_BYTES = 4096


def main(build: Build = assemble) -> int:
    """Run until standard input ends; 1 when the engines cannot be loaded, with the reason as one line on stderr."""
    settings = read_settings()
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
    metrics = Metrics()
    metrics.count_commits_of(context.database.engine)
    context.models.tell(metrics.model_event)
    gone = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: gone.set())
    with (
        exposed(metrics, settings),
        gpus_watched(context.database, this_host()),
        Lanes(context, worker_id, metrics) as lanes,
    ):
        duties = duties_of(settings, workshop, registry, lanes.ring)
        duties.append(lambda: lanes.tell(context.database))
        duties.append(lambda: metrics.tally.tell(context.database))
        _in_background("doorbell-listener", lambda: _listen(lanes.ring, gone))
        _in_background("housekeeper", lambda: keep_house(duties, gone, settings.poll_s))
        # In a thread of its own: a duty may take longer than a worker may be silent, and then it would count as gone.
        rounds = Rounds(House(context.database, context.objects, settings, rest=time.sleep), context.clock, metrics)
        _in_background("rounds", lambda: keep_house([rounds], gone, settings.poll_s))
        lanes.ring()
        gone.wait()
        lanes.stop()


def duties_of(
    settings: Settings, workshop: Workshop, registry: WorkerRegistry, ring: Callable[[], None]
) -> list[Callable[[], object]]:
    """Return what this worker does every round."""
    context = workshop.context
    return [
        registry.seen,
        Publisher(registry, lambda: capabilities_of(context.engines, settings)).publish,
        lambda: reconcile(context.database, settings.attempts),
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
