"""`meeshy housekeeping`: puts right what crashed workers left, lets go of what is no longer kept, sends webhooks."""

import signal
import threading

import click

from appliance.clock import SystemClock
from appliance.jobs.reconcile import reconcile
from appliance.jobs.retention import let_go
from appliance.settings import Settings
from appliance.storage.database import Database
from appliance.storage.migrate import migrate
from appliance.storage.opening import open_store
from appliance.telemetry.logs import configure_logs
from appliance.webhooks.loop import delivering
from appliance.workers.housekeeper import Seldom, keep_house

SWEEP_EVERY_S = 60.0


@click.command("housekeeping")
@click.pass_obj
def housekeeping(settings: Settings) -> None:
    """Keep the appliance in order until it is interrupted; any number of these processes may run."""
    configure_logs(settings.log_level)
    gone = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: gone.set())
    database, clock = Database(settings.database), SystemClock()
    migrate(database)
    objects = open_store(settings)
    with delivering(database, clock, settings):
        keep_house(
            [
                lambda: reconcile(database, settings.attempts),
                Seldom(lambda: let_go(database, objects, settings), SWEEP_EVERY_S, clock),
            ],
            gone,
            settings.poll_s,
        )
    database.close()
