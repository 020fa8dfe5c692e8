"""`meeshy housekeeping`: puts right what crashed workers left, lets go of what is no longer kept, sends webhooks."""

import json
import signal
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import closing

import click
import msgspec

from appliance import notify
from appliance.access.console import print_table
from appliance.clock import SystemClock
from appliance.housekeeping.house import House
from appliance.housekeeping.rounds import Record, Rounds
from appliance.jobs.reconcile import reconcile
from appliance.settings import Settings
from appliance.storage.database import Database
from appliance.storage.migrate import migrate
from appliance.storage.opening import open_store
from appliance.telemetry.exposing import exposed
from appliance.telemetry.logs import configure_logs
from appliance.telemetry.metrics import Metrics
from appliance.webhooks.loop import delivering
from appliance.workers.housekeeper import keep_house


@click.command("housekeeping")
@click.option("--once", is_flag=True, help="Do every duty once, say what it came to, and end.")
@click.option("--dry-run", is_flag=True, help="With --once: change nothing, say what each duty finds.")
@click.option("--json", "as_json", is_flag=True, help="With --once: print one JSON document.")
@click.pass_obj
def housekeeping(settings: Settings, once: bool, dry_run: bool, as_json: bool) -> None:
    """Keep the appliance in order until it is interrupted; any number of these processes may run."""
    if (dry_run or as_json) and not once:
        raise click.UsageError("--dry-run and --json go with --once.")
    configure_logs(settings.log_level)
    with closing(Database(settings.database)) as database:
        migrate(database)
        house = House(database, open_store(settings), settings, dry_run=dry_run, rest=time.sleep)
        if once:
            _once(house, as_json)
        else:
            _for_ever(house)


def _for_ever(house: House) -> None:
    gone = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: gone.set())
    database, settings, clock, metrics = house.database, house.settings, SystemClock(), Metrics()
    metrics.count_commits_of(database.engine)
    with exposed(metrics, settings), delivering(database, clock, settings):
        rounds = Rounds(house, clock, metrics)
        # In a thread of its own: work that was lost does not wait for a duty that takes long.
        others = threading.Thread(target=keep_house, args=([rounds], gone, settings.poll_s), name="rounds")
        duties = [lambda: reconcile(database, settings.attempts), lambda: metrics.tally.tell(database)]
        notify.ready()
        others.start()
        keep_house(duties, gone, settings.poll_s)
        others.join()
        notify.stopping()


def _once(house: House, as_json: bool) -> None:
    came_to = Rounds(house, SystemClock(), Metrics())()
    if as_json:
        click.echo(json.dumps({"dry_run": house.dry_run, "duties": msgspec.to_builtins(came_to)}, indent=2))
    else:
        _show(came_to)
    if any(record.error for record in came_to.values()):
        sys.exit(1)


def _show(came_to: Mapping[str, Record]) -> None:
    print_table(
        ["duty", "found", "done"],
        [[name, str(record.found), record.error or str(record.done)] for name, record in came_to.items()],
    )
