"""A worker process of its own: any number of them, on any number of hosts, share one database and one object store."""

import logging
import secrets
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial

from appliance.errors import MeeshyError
from appliance.jobs.reconcile import reconcile
from appliance.jobs.registry import CapabilityReader, WorkerRegistry
from appliance.settings import Settings
from appliance.stages.active_voices import active_voices
from appliance.telemetry.exposing import exposed
from appliance.telemetry.metrics import Metrics
from appliance.workers import parent
from appliance.workers.assembly import assemble
from appliance.workers.bells import RedisDoorbell, RedisRinger
from appliance.workers.capabilities import capabilities_of
from appliance.workers.housekeeper import Publisher, keep_house
from appliance.workers.listeners import Listeners
from appliance.workers.spare_time import SpareTime, never
from appliance.workers.worker import Worker
from appliance.workers.workshop import Build, Workshop, opened

log = logging.getLogger(__name__)

AWAY_S = 1.0
"""How long a worker leaves a database alone that did not answer."""
FINISH_BATCH_S = 20.0
"""What a worker gives itself for the batch in hand when its pool is gone: nobody is left to see that it hangs."""


class Wakes:
    """Wakes all slots of a process."""

    def __init__(self, slots: int) -> None:
        """Make an event for each slot: one shared by all would be cleared by the first that sees it."""
        self.of_slots = tuple(threading.Event() for _ in range(slots))

    def set(self) -> None:
        """Let every slot look for work."""
        for event in self.of_slots:
            event.set()


def run_worker(
    settings: Settings,
    limits: Mapping[str, int],
    build: Build = assemble,
    *,
    slots: int = 1,
    end_with_stdin: bool = False,
) -> None:
    """Work until SIGTERM or SIGINT, finishing the batch in hand; raises the MeeshyError that keeps it from starting.

    `limits` names the families of work that this process takes, each with its largest batch. `slots` batches run side
    by side, in a thread each: only for engines that take calls from several threads. With `end_with_stdin` the end of
    standard input ends it too, bounded: whoever holds the other end of that pipe is gone then, however it ended.
    """
    gone = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: gone.set())
    if end_with_stdin:
        parent.end_with_stdin(gone.set, FINISH_BATCH_S)
    with opened(settings, build, limits) as workshop:
        _work(settings, workshop, limits, gone, slots)


def _work(settings: Settings, workshop: Workshop, limits: Mapping[str, int], gone: threading.Event, slots: int) -> None:
    worker_id = f"worker_{secrets.token_hex(6)}"
    context = workshop.context
    registry = WorkerRegistry(context.database, worker_id)
    registry.announce(capabilities_of(context.engines, settings), limits, slots)
    if "synthesize" in limits:
        registry.proven()
    wake = Wakes(slots)
    metrics = Metrics()
    metrics.count_commits_of(context.database.engine)
    context.models.tell(metrics.model_event)
    with exposed(metrics, settings), _bells(settings, workshop, worker_id, wake) as ring:
        tell = _teller(ring, wake, limits)
        # One slot of a process is enough for what nobody waits for.
        spare = [SpareTime(context, limits, partial(active_voices, context)), *[never] * (slots - 1)]
        workers = [Worker(context, worker_id, limits, tell, metrics, slot, spare[slot]) for slot in range(slots)]
        duties = [
            registry.seen,
            Publisher(registry, lambda: capabilities_of(context.engines, settings)).publish,
            lambda: reconcile(context.database, settings.attempts),
            *(lambda worker=worker: worker.observations.tell(context.database) for worker in workers),
            lambda: metrics.tally.tell(context.database),
            *(worker.look_around for worker in workers),
            *([wake.set] if settings.poll_rings else []),
        ]
        keeper = threading.Thread(
            target=keep_house, args=(duties, gone, settings.poll_s), name="housekeeper", daemon=True
        )  # fmt: skip
        keeper.start()
        _stop_with(gone, workers, wake)
        wake.set()
        others = [
            threading.Thread(target=_claim_while_woken, args=(worker, event, gone), name="slot", daemon=True)
            for worker, event in zip(workers[1:], wake.of_slots[1:], strict=True)
        ]
        for other in others:
            other.start()
        _claim_while_woken(workers[0], wake.of_slots[0], gone)
        for other in others:
            other.join()
    with suppress(MeeshyError):  # the entry tells by itself soon
        registry.gone()


def _teller(ring: RedisRinger | None, wake: Wakes, limits: Mapping[str, int]) -> Callable[[Sequence[str]], None]:
    """Return what a slot calls after a batch: it tells the other slots of this process, and through Redis the rest."""

    def tell(families: Sequence[str]) -> None:
        if len(wake.of_slots) > 1 and not limits.keys().isdisjoint(families):
            wake.set()
        if ring is not None:
            ring.ring(families)

    return tell


@contextmanager
def _bells(settings: Settings, workshop: Workshop, worker_id: str, wake: Wakes) -> Iterator[RedisRinger | None]:
    """Yield the way to wake other workers while rings reach this one; None without Redis, where the poll must do."""
    if not settings.redis_url:
        yield None
        return
    listeners = Listeners(CapabilityReader(workshop.context.database), workshop.context.clock)
    with ExitStack() as stack:
        stack.enter_context(RedisDoorbell(settings.redis_url, worker_id, wake.set))
        yield stack.enter_context(RedisRinger(settings.redis_url, listeners))


def _stop_with(gone: threading.Event, workers: Sequence[Worker], wake: Wakes) -> None:
    def stop() -> None:
        gone.wait()
        for worker in workers:
            worker.stop()
        wake.set()

    threading.Thread(target=stop, name="stopper", daemon=True).start()


def _claim_while_woken(worker: Worker, wake: threading.Event, gone: threading.Event) -> None:
    """Run batches in this thread whenever there may be work."""
    while not gone.is_set():
        wake.wait()
        wake.clear()
        try:
            worker.run_until_idle()
        except MeeshyError as away:
            log.warning("no work taken: %s", away)
            gone.wait(AWAY_S)
            # The ring that brought this thread here is spent, and what it was for has not been looked at.
            wake.set()
        except Exception:
            # The boundary of a slot: its process goes on telling everybody that it has it.
            log.exception("a slot failed beside its batches")
            gone.wait(AWAY_S)
            wake.set()
