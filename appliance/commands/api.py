"""`meeshy api`: the API alone, one of any number of such processes over one database and one object store."""

import click

from appliance.clock import SystemClock
from appliance.commands.api_process import leave_signals_to_the_server, run_api
from appliance.jobs.registry import CapabilityReader
from appliance.settings import Settings
from appliance.storage.database import Database
from appliance.telemetry.logs import configure_logs
from appliance.workers.bells import RedisRinger
from appliance.workers.listeners import Listeners
from appliance.workers.roles import ACCEPTED


@click.command("api")
@click.option("--host", help="Address to listen on, instead of MEESHY_HOST.")
@click.option("--port", type=int, help="Port to listen on, instead of MEESHY_PORT; 0 takes any free one.")
@click.pass_obj
def api(settings: Settings, host: str | None, port: int | None) -> None:
    """Run the API until it is interrupted; workers and housekeeping are processes of their own."""
    chosen = {key: value for key, value in {"host": host, "port": port}.items() if value is not None}
    run(settings.model_copy(update=chosen))


def run(settings: Settings) -> None:
    """Run the API of these settings, ringing workers through Redis where there is one."""
    configure_logs(settings.log_level)
    leave_signals_to_the_server()
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)

    def listening(url: str, first_key: object) -> None:
        note = f" A first API key is in {first_key}." if first_key else ""
        click.echo(f"Meeshy's API listens on {url}.{note}")

    if not settings.redis_url:
        run_api(settings, lambda: None, listening, deliver=False)
        return
    database = Database(settings.database)
    ringer = RedisRinger(settings.redis_url, Listeners(CapabilityReader(database), SystemClock()))
    try:
        run_api(settings, lambda: ringer.ring(ACCEPTED), listening, (ringer,), deliver=False)
    finally:
        database.close()
