"""`meeshy migrate`: brings the database to the schema of this version; every service does so at its start, too."""

import json
from contextlib import closing

import click

from appliance.housekeeping.orphans import spare_orphans
from appliance.settings import Settings
from appliance.storage.beside_writers import build_what_is_missing
from appliance.storage.database import Database
from appliance.storage.migrate import current_revision
from appliance.storage.migrate import migrate as migrate_database


@click.command("migrate")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def migrate(settings: Settings, as_json: bool) -> None:
    """Bring the database to the schema of this version."""
    with closing(Database(settings.database)) as database:
        before = current_revision(database)
        migrate_database(database)
        build_what_is_missing(database)
        if before is None:
            # A backup may be about to be restored into it, beside objects that are kept.
            spare_orphans(database)
        after = current_revision(database)
    if as_json:
        click.echo(json.dumps({"before": before, "after": after}))
    else:
        click.echo(f"schema {after}, as it was" if before == after else f"schema {after}, before {before or 'none'}")
