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
from typing import Protocol

from appliance.errors import MeeshyError
from appliance.jobs.documents import Capabilities
from appliance.jobs.reconcile import reconcile
from appliance.jobs.registry import WorkerRegistry
from appliance.jobs.retention import let_go
from appliance.settings import Settings
from appliance.stages.context import Context
from appliance.storage.database import Database
from appliance.storage.migrate import migrate
from appliance.telemetry.logs import configure_logs
from appliance.workers.assembly import assemble
from appliance.workers.capabilities import capabilities_of
from appliance.workers.doorbell import LocalDoorbell
from appliance.workers.phrases import load_phrases
from appliance.workers.worker import Worker

log = logging.getLogger(__name__)

RING_BYTES = 4096
SWEEP_EVERY_S = 60.0
"""Recordings are kept for hours, results for days; a sweep reads every job between the two ages."""


class Workshop(Protocol):
    """What a child works with; `assembly.Assembled` is the real one."""

    context: Context

    def warm(self) -> None:
        """Load everything and prove that it works, or raise a MeeshyError."""
        ...

    def close(self) -> None:
        """Free what was loaded."""
        ...


def main(build: Callable[[Settings, Database], Workshop] = assemble) -> int:
    """Run until standard input ends; 1 when the engines cannot be loaded, with the reason as one line on stderr."""
    settings = Settings()
    configure_logs(settings.log_level)
    # Ctrl-C goes to the whole terminal group; the API process decides when this child ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    database = Database(settings.database)
    try:
        migrate(database)
        load_phrases(database)
        assembled = build(settings, database)
        assembled.warm()
    except MeeshyError as failure:
        log.error("the worker cannot start: %s", failure.detail, extra={"code": failure.code})
        return 1
    try:
        _work(settings, database, assembled)
    finally:
        assembled.close()
        database.close()
    return 0


def _work(settings: Settings, database: Database, assembled: Workshop) -> None:
    worker_id = f"worker_{secrets.token_hex(6)}"
    registry = WorkerRegistry(database, worker_id)
    registry.announce(capabilities_of(assembled.context.engines, settings))
    registry.proven()
    worker = Worker(assembled.context, worker_id)
    gone = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: gone.set())
    with LocalDoorbell(worker.run_until_idle) as doorbell:
        _in_background("doorbell-listener", lambda: _listen(doorbell.ring, gone))
        _in_background("housekeeper", lambda: _keep_house(settings, assembled.context, registry, doorbell, gone))
        doorbell.ring()
        gone.wait()
        worker.stop()


def _listen(ring: Callable[[], None], gone: threading.Event) -> None:
    while sys.stdin.buffer.raw.read(RING_BYTES):
        ring()
    gone.set()


def _keep_house(
    settings: Settings, context: Context, registry: WorkerRegistry, doorbell: LocalDoorbell, gone: threading.Event
) -> None:
    """Report, put right what crashed workers left, and ring once in case a doorbell was lost."""
    published: Capabilities | None = None
    swept_s = context.clock.monotonic_s() - SWEEP_EVERY_S

    def publish() -> None:
        """Tell the API about language packs that came or went: its answers and refusals follow what is published."""
        nonlocal published
        able = capabilities_of(context.engines, settings)
        if able != published:
            registry.changed(able)
            published = able

    def sweep() -> None:
        nonlocal swept_s
        now_s = context.clock.monotonic_s()
        if now_s - swept_s >= SWEEP_EVERY_S:
            swept_s = now_s
            let_go(context.database, context.objects, settings)

    first = True
    while first or not gone.wait(settings.poll_s):
        first = False
        for duty in (registry.seen, publish, lambda: reconcile(context.database, settings.attempts), sweep):
            try:
                duty()
            except Exception:
                # The boundary of a thread that must outlive everything: without it this worker counts as gone and
                # nobody's lost work comes back. The next round tries again.
                log.exception("a housekeeping duty failed")
        if settings.poll_rings:
            doorbell.ring()


def _in_background(name: str, run: Callable[[], None]) -> None:
    threading.Thread(target=run, name=name, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
