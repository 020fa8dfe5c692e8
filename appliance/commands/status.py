"""`meeshy status`: what an operator needs to know, and what there is to do."""

import json
import sys
import time
from collections.abc import Sequence
from contextlib import closing, suppress

import click

from appliance.errors import StorageUnavailable
from appliance.settings import Settings
from appliance.status.report import Report, make_report
from appliance.status.table import as_text
from appliance.storage.database import Database
from appliance.storage.migrate import migrate
from appliance.storage.patience import ANSWERING
from appliance.workers.roles import FAMILIES, ROLES

WATCH_EVERY_S = 2.0
_CLEAR = "\033[H\033[2J"


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--watch", is_flag=True, help="Show it anew every 2 s until Ctrl-C.")
@click.pass_obj
def status(settings: Settings, as_json: bool, watch: bool) -> None:
    """Show how the appliance is; ends with 1 when something needs attention."""
    if as_json and watch:
        raise click.UsageError("--json and --watch do not go together.")
    with closing(Database(settings.database, patience=ANSWERING)) as database:
        with suppress(StorageUnavailable):  # away: the report says so
            migrate(database)
        while watch:
            click.echo(_CLEAR + as_text(make_report(settings, database, FAMILIES), role_of))
            time.sleep(WATCH_EVERY_S)
        report = make_report(settings, database, FAMILIES)
    _print(report, as_json)
    sys.exit(1 if report.attention else 0)


def role_of(families: Sequence[str]) -> str:
    """Return the role whose families these are, or the families themselves."""
    found = next((role for role, taken in ROLES.items() if set(taken) == set(families)), None)
    return found or "+".join(families)


def _print(report: Report, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(report.document(), ensure_ascii=False, indent=2))
    else:
        click.echo(as_text(report, role_of))
