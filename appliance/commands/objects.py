"""`meeshy objects`: all recordings and audio as one stream, for backups and for another object store."""

import json
import sys

import click
import msgspec

from appliance.settings import Settings
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


def _tell(came_to: msgspec.Struct, text: str, as_json: bool) -> None:
    click.echo(json.dumps(msgspec.to_builtins(came_to)) if as_json else text, err=True)
