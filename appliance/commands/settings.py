"""`meeshy settings`: every setting, what it means, and what is in force."""

import json

import click
from rich.console import Console
from rich.table import Table

from appliance.settings import Settings

SECRET = frozenset({"deepl_key", "client_key"})


@click.command("settings")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def settings(settings: Settings, as_json: bool) -> None:
    """Show every setting with its variable and the value in force."""
    rows = {
        name: ("(set)" if value else "") if name in SECRET else value
        for name in Settings.model_fields
        for value in [getattr(settings, name)]
    }
    if as_json:
        click.echo(json.dumps(rows, default=str, indent=2))
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("variable", "value", "meaning"):
        table.add_column(heading)
    for name, value in rows.items():
        table.add_row(f"MEESHY_{name.upper()}", str(value), Settings.model_fields[name].description)
    Console().print(table, highlight=False)
