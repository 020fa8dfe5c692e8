"""The API process: what `meeshy serve` and `meeshy api` have in common."""

import gc
import signal
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from pathlib import Path

from appliance.access.first_key import ensure_first_key
from appliance.access.quotas import Quotas
from appliance.api.app import ApiParts, create_app
from appliance.api.server import serve as serve_app
from appliance.audio.decoder import DecoderPool
from appliance.audio.process import DecodeLimits
from appliance.cache.opening import open_cache
from appliance.clock import SystemClock
from appliance.errors import CommandFailed
from appliance.jobs.query import JobReader
from appliance.jobs.registry import CapabilityReader
from appliance.jobs.submit import Submitter
from appliance.settings import Settings
from appliance.status.collector import FiguresCollector
from appliance.storage.database import Database
from appliance.storage.migrate import migrate
from appliance.storage.opening import open_store
from appliance.storage.patience import ANSWERING
from appliance.telemetry.metrics import Metrics
from appliance.telemetry.tally import telling
from appliance.webhooks.loop import delivering


def run_api(
    settings: Settings,
    ring: Callable[[], None],
    listening: Callable[[str, Path | None], None],
    beside: Sequence[AbstractContextManager[object]] = (),
    *,
    deliver: bool,
) -> None:
    """Serve until SIGINT or SIGTERM.

    `ring` is called after every accepted job, `listening` with the address and the file of a first key that was made
    just now; `beside` runs as long as the server; with `deliver` this process sends the webhooks.
    """
    with closing(Database(settings.database)) as patient:
        migrate(patient)
    database = Database(settings.database, patience=ANSWERING)
    first_key = ensure_first_key(database, settings.data_dir)
    capabilities, quotas = CapabilityReader(database), Quotas(settings)
    metrics = Metrics()
    metrics.count_commits_of(database.engine)
    metrics.registry.register(FiguresCollector(database, settings))
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    with ExitStack() as stack:
        decoder = stack.enter_context(DecoderPool(DecodeLimits.for_audio(settings.max_audio_s)))
        for each in beside:
            stack.enter_context(each)
        parts = ApiParts(
            settings=settings,
            database=database,
            objects=open_store(settings),
            submitter=Submitter(database, settings, capabilities.current, ring, quotas),
            reader=JobReader(database),
            decoder=decoder,
            capabilities=capabilities,
            quotas=quotas,
            clock=SystemClock(),
            metrics=metrics,
            cache=open_cache(settings, database),
        )
        if deliver:
            stack.enter_context(delivering(database, parts.clock, settings))
        stack.enter_context(telling(metrics.tally, database))
        app = create_app(parts)
        _keep_what_stays()
        try:
            serve_app(
                app,
                settings.host,
                settings.port,
                lambda port: listening(f"http://{host}:{port}", first_key),
            )
        except OSError as taken:
            raise CommandFailed(
                f"{settings.host} port {settings.port} cannot be listened on: {taken.strerror}."
            ) from None
    database.close()


def _keep_what_stays() -> None:
    """Spare the garbage collector what lives as long as the process: the application and its libraries.

    They are some 120,000 objects, and to look through them stops every request for 75 ms of processor time.
    """
    gc.collect()
    gc.freeze()


def leave_signals_to_the_server() -> None:
    """Keep SIGINT and SIGTERM from ending the process on the spot.

    Uvicorn stops on these and then raises them again for whoever handled them before; by default that would end the
    process before what runs beside the server has been waited for.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
