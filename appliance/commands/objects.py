"""`meeshy objects`: all recordings and audio as one stream, for backups and for another object store."""

import json
import sys
from contextlib import closing
from datetime import UTC, datetime

import click
import msgspec

from appliance.housekeeping.orphans import SPARED_S, spare_orphans
from appliance.settings import Settings
from appliance.storage.database import Database
from appliance.storage.migrate import migrate
from appliance.storage.object_stream import load, save
from appliance.storage.opening import open_store


@click.group("objects")
def objects() -> None:
    """Save what lies in the object store, and load it."""


@objects.command("save")
@click.option("--prefix", default="", help="Only objects whose name starts so, such as tombstone/.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document, to standard error.")
@click.pass_obj
def save_objects(settings: Settings, prefix: str, as_json: bool) -> None:
    """Write objects to standard output, as one tar archive."""
    if sys.stdout.isatty():
        raise click.UsageError("Objects are no text: send them into a file or a program.")
    saved = save(open_store(settings), sys.stdout.buffer, prefix)
    sys.stdout.buffer.flush()
    _tell(saved, f"saved {saved.objects} objects, {saved.bytes} bytes", as_json)


@objects.command("load")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document, to standard error.")
@click.pass_obj
def load_objects(settings: Settings, as_json: bool) -> None:
    """Store the objects that come from standard input; what is there under a name stays."""
    loaded = load(open_store(settings), sys.stdin.buffer)
    _tell(
        loaded, f"loaded {loaded.objects} objects, {loaded.bytes} bytes; {loaded.there} were there already", as_json
    )  # fmt: skip


@objects.command("spare")
@click.option(
    "--hours", type=click.FloatRange(0, 720), default=SPARED_S / 3600, show_default=True, help="How long from now."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def spare_objects(settings: Settings, hours: float, as_json: bool) -> None:
    """Have housekeeping delete no object that no row names, as after a restored database; 0 ends that."""
    with closing(Database(settings.database)) as database:
        migrate(database)
        until_s = spare_orphans(database, hours * 3600)
    until = datetime.fromtimestamp(until_s, UTC).isoformat(timespec="seconds")
    click.echo(json.dumps({"spared_until_s": until_s}) if as_json else f"Objects that no row names stay until {until}.")


def _tell(came_to: msgspec.Struct, text: str, as_json: bool) -> None:
    click.echo(json.dumps(msgspec.to_builtins(came_to)) if as_json else text, err=True)
