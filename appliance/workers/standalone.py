"""A worker process of its own: any number of them, on any number of hosts, share one database and one object store."""

import logging
import secrets
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

from appliance.errors import MeeshyError
from appliance.jobs.reconcile import reconcile
from appliance.jobs.registry import CapabilityReader, WorkerRegistry
from appliance.settings import Settings
from appliance.workers.assembly import assemble
from appliance.workers.bells import RedisDoorbell, RedisRinger
from appliance.workers.capabilities import capabilities_of
from appliance.workers.housekeeper import Publisher, keep_house
from appliance.workers.listeners import Listeners
from appliance.workers.worker import Worker
from appliance.workers.workshop import Build, Workshop, opened

log = logging.getLogger(__name__)

AWAY_S = 1.0
"""How long a worker leaves a database alone that did not answer."""


def run_worker(settings: Settings, limits: Mapping[str, int], build: Build = assemble) -> None:
    """Work until SIGTERM or SIGINT, finishing the batch in hand; raises the MeeshyError that keeps it from starting.

    `limits` names the families of work that this process takes, each with its largest batch.
    """
    gone = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: gone.set())
    with opened(settings, build, limits) as workshop:
        _work(settings, workshop, limits, gone)


def _work(settings: Settings, workshop: Workshop, limits: Mapping[str, int], gone: threading.Event) -> None:
    worker_id = f"worker_{secrets.token_hex(6)}"
    context = workshop.context
    registry = WorkerRegistry(context.database, worker_id)
    registry.announce(capabilities_of(context.engines, settings), limits)
    if "synthesize" in limits:
        registry.proven()
    wake = threading.Event()
    with _bells(settings, workshop, worker_id, wake) as ring:
        worker = Worker(context, worker_id, limits, ring=ring.ring if ring else lambda families: None)
        duties = [
            registry.seen,
            Publisher(registry, lambda: capabilities_of(context.engines, settings)).publish,
            lambda: reconcile(context.database, settings.attempts),
            lambda: worker.observations.tell(context.database),
            *([wake.set] if settings.poll_rings else []),
        ]
        keeper = threading.Thread(
            target=keep_house, args=(duties, gone, settings.poll_s), name="housekeeper", daemon=True
        )  # fmt: skip
        keeper.start()
        _stop_with(gone, worker, wake)
        _claim_while_woken(worker, wake, gone)
    registry.gone()


@contextmanager
def _bells(
    settings: Settings, workshop: Workshop, worker_id: str, wake: threading.Event
) -> Iterator[RedisRinger | None]:
    """Yield the way to wake other workers while rings reach this one; None without Redis, where the poll must do."""
    if not settings.redis_url:
        yield None
        return
    listeners = Listeners(CapabilityReader(workshop.context.database), workshop.context.clock)
    with ExitStack() as stack:
        stack.enter_context(RedisDoorbell(settings.redis_url, worker_id, wake.set))
        yield stack.enter_context(RedisRinger(settings.redis_url, listeners))


def _stop_with(gone: threading.Event, worker: Worker, wake: threading.Event) -> None:
    def stop() -> None:
        gone.wait()
        worker.stop()
        wake.set()

    threading.Thread(target=stop, name="stopper", daemon=True).start()


def _claim_while_woken(worker: Worker, wake: threading.Event, gone: threading.Event) -> None:
    """Run batches in this thread whenever there may be work; the engines stay with one thread."""
    wake.set()
    while not gone.is_set():
        wake.wait()
        wake.clear()
        try:
            worker.run_until_idle()
        except MeeshyError as away:
            log.warning("no work taken: %s", away)
            gone.wait(AWAY_S)
