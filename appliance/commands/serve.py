"""`meeshy serve`: the API and its worker child on this machine, with nothing else to install."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import click
import httpx
import msgspec

from appliance.catalog.store import ModelStore
from appliance.clock import SystemClock
from appliance.commands.api_process import leave_signals_to_the_server, run_api
from appliance.commands.child_environment import child_environment
from appliance.errors import CommandFailed
from appliance.jobs.registry import process_exists
from appliance.pool.embedded import HUNG_BATCHES_ALONE, EmbeddedWatch
from appliance.pool.inventory import Rules
from appliance.settings import Settings
from appliance.telemetry.logs import configure_logs
from appliance.workers import parent
from appliance.workers.roles import BATCH_LIMITS, limits_of
from appliance.workers.supervisor import Supervisor

SERVER_FILE = "server.json"
END_S = 30.0
"""What requests and the batch in hand get when whoever started it is gone."""


class ServerFile(msgspec.Struct, frozen=True):
    """Where the appliance of a data folder answers; lies in that folder while it runs."""

    url: str
    pid: int


@click.command("serve")
@click.option("--host", help="Address to listen on, instead of MEESHY_HOST.")
@click.option("--port", type=int, help="Port to listen on, instead of MEESHY_PORT; 0 takes any free one.")
@click.option("--end-with-stdin", is_flag=True, help="End when standard input ends: who starts it holds its other end.")
@click.pass_obj
def serve(settings: Settings, host: str | None, port: int | None, end_with_stdin: bool) -> None:
    """Run the appliance on this machine until it is interrupted."""
    chosen = {key: value for key, value in {"host": host, "port": port}.items() if value is not None}
    limits_of(BATCH_LIMITS, settings.batch_limits)  # the worker could only say so later, in the log
    require_models(settings)
    run_appliance(settings.model_copy(update=chosen), end_with_stdin=end_with_stdin)


def run_appliance(
    settings: Settings,
    ready: Callable[[str], None] = click.echo,
    worker_module: str = "appliance.workers.child",
    *,
    end_with_stdin: bool = False,
    rules: Rules = HUNG_BATCHES_ALONE,
) -> None:
    """Run API and worker until SIGINT or SIGTERM; `ready` gets one line when the API listens.

    `rules` say when a batch hangs in the worker, which is then replaced.
    With `end_with_stdin` the end of standard input ends it too: whoever holds the other end of that pipe is gone then.
    """
    configure_logs(settings.log_level)
    if end_with_stdin:
        parent.end_with_stdin(lambda: os.kill(os.getpid(), signal.SIGTERM), END_S)
    running = running_server(settings)
    if running is not None:
        raise CommandFailed(f"An appliance already serves this data folder, at {running}.")
    leave_signals_to_the_server()
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    supervisor = Supervisor(child_environment(settings), worker_module)
    watch = EmbeddedWatch(settings, supervisor, SystemClock(), rules)
    server_file = settings.data_dir / SERVER_FILE

    def listening(url: str, first_key: Path | None) -> None:
        server_file.write_bytes(msgspec.json.encode(ServerFile(url, os.getpid())))
        note = f" A first API key is in {first_key}." if first_key else ""
        ready(f"Meeshy listens on {url}; API by example: {url}/docs.{note}")

    try:
        run_api(settings, supervisor.ring, listening, (supervisor, watch), deliver=True)
    finally:
        server_file.unlink(missing_ok=True)


def require_models(settings: Settings) -> None:
    """Raise CommandFailed where models are missing: the worker could only say so later, and one by one."""
    store = ModelStore(settings)
    missing = [m.id for m in store.catalog.of_set(settings.model_preset) if not store.present(m.id)]
    if missing:
        raise CommandFailed(
            f"Models are missing: {', '.join(missing)}. Run: ./meeshy models pull {settings.model_preset}"
        )


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
