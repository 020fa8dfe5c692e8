"""`meeshy serve`: the API and its worker child on this machine, with nothing else to install."""

import os
import signal
from collections.abc import Callable

import click
import httpx
import msgspec

from appliance.access.first_key import ensure_first_key
from appliance.api.app import ApiParts, create_app
from appliance.api.server import serve as serve_app
from appliance.audio.decoder import DecoderPool
from appliance.audio.process import DecodeLimits
from appliance.catalog.store import ModelStore
from appliance.clock import SystemClock
from appliance.errors import CommandFailed
from appliance.jobs.query import JobReader
from appliance.jobs.registry import CapabilityReader, process_exists
from appliance.jobs.submit import Submitter
from appliance.settings import Settings
from appliance.storage.database import Database
from appliance.storage.migrate import migrate
from appliance.storage.opening import open_store
from appliance.telemetry.logs import configure_logs
from appliance.webhooks.loop import delivering
from appliance.workers.supervisor import Supervisor

SERVER_FILE = "server.json"


class ServerFile(msgspec.Struct, frozen=True):
    """Where the appliance of a data folder answers; lies in that folder while it runs."""

    url: str
    pid: int


@click.command("serve")
@click.option("--host", help="Address to listen on, instead of MEESHY_HOST.")
@click.option("--port", type=int, help="Port to listen on, instead of MEESHY_PORT; 0 takes any free one.")
@click.pass_obj
def serve(settings: Settings, host: str | None, port: int | None) -> None:
    """Run the appliance on this machine until it is interrupted."""
    chosen = {key: value for key, value in {"host": host, "port": port}.items() if value is not None}
    _require_models(settings)
    run_appliance(settings.model_copy(update=chosen))


def run_appliance(
    settings: Settings, ready: Callable[[str], None] = click.echo, worker_module: str = "appliance.workers.child"
) -> None:
    """Run API and worker until SIGINT or SIGTERM; `ready` gets one line when the API listens."""
    configure_logs(settings.log_level)
    running = running_server(settings)
    if running is not None:
        raise CommandFailed(f"An appliance already serves this data folder, at {running}.")
    _leave_signals_to_the_server()
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    database = Database(settings.database)
    migrate(database)
    first_key = ensure_first_key(database, settings.data_dir)
    supervisor = Supervisor(child_environment(settings), worker_module)
    capabilities = CapabilityReader(database)
    objects = open_store(settings)
    server_file = settings.data_dir / SERVER_FILE

    def listening(port: int) -> None:
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        url = f"http://{host}:{port}"
        server_file.write_bytes(msgspec.json.encode(ServerFile(url, os.getpid())))
        note = f" A first API key is in {first_key}." if first_key else ""
        ready(f"Meeshy listens on {url}; API by example: {url}/docs.{note}")

    with DecoderPool(DecodeLimits.for_audio(settings.max_audio_s)) as decoder, supervisor:
        parts = ApiParts(
            settings=settings,
            database=database,
            objects=objects,
            submitter=Submitter(database, settings, capabilities.current, supervisor.ring),
            reader=JobReader(database),
            decoder=decoder,
            capabilities=capabilities,
            clock=SystemClock(),
        )
        try:
            with delivering(database, parts.clock, settings):
                serve_app(create_app(parts), settings.host, settings.port, listening)
        except OSError as taken:
            raise CommandFailed(
                f"{settings.host} port {settings.port} cannot be listened on: {taken.strerror}."
            ) from None
        finally:
            server_file.unlink(missing_ok=True)
    database.close()


def _require_models(settings: Settings) -> None:
    """Raise CommandFailed where models are missing: the worker could only say so later, and one by one."""
    store = ModelStore(settings)
    missing = [m.id for m in store.catalog.of_set(settings.model_preset) if not store.present(m.id)]
    if missing:
        raise CommandFailed(
            f"Models are missing: {', '.join(missing)}. Run: ./meeshy models pull {settings.model_preset}"
        )


def _leave_signals_to_the_server() -> None:
    # Uvicorn stops on these and then raises them again for whoever handled them before; by default that would end the
    # process on the spot, before the worker child has been waited for.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)


def child_environment(settings: Settings) -> dict[str, str]:
    """Return this process's environment with every setting as its variable, for a child that reads them anew."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MEESHY_")}
    for name in type(settings).model_fields:
        environment[f"MEESHY_{name.upper()}"] = str(getattr(settings, name))
    return environment


def running_server(settings: Settings) -> str | None:
    """Return the address of the appliance that serves this data folder, None when none does."""
    try:
        server = msgspec.json.decode((settings.data_dir / SERVER_FILE).read_bytes(), type=ServerFile)
        # A file that a killed appliance left behind may name a port that another data folder's appliance took since.
        if not process_exists(server.pid):
            return None
        httpx.get(f"{server.url}/health/live", timeout=2.0).raise_for_status()
    except (FileNotFoundError, msgspec.MsgspecError, httpx.HTTPError):
        return None
    return server.url
