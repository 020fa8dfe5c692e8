"""`meeshy settings`: every setting, what it means, and what is in force."""

import json

import click
import sqlalchemy as sa
from rich.console import Console
from rich.table import Table

from appliance.settings import Settings

SECRET = frozenset({"deepl_key", "client_key", "s3_access_key", "s3_secret_key"})
WITH_PASSWORD = frozenset({"database_url", "redis_url"})
"""URLs, whose password alone is hidden."""


def _shown(name: str, settings: Settings) -> object:
    value = getattr(settings, name)
    if name in SECRET:
        return "(set)" if value else ""
    if name in WITH_PASSWORD and value:
        return sa.make_url(value).render_as_string(hide_password=True)
    return value


@click.command("settings")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def settings(settings: Settings, as_json: bool) -> None:
    """Show every setting with its variable and the value in force."""
    rows = {name: value for name in Settings.model_fields for value in [_shown(name, settings)]}
    if as_json:
        click.echo(json.dumps(rows, default=str, indent=2))
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("variable", "value", "meaning"):
        table.add_column(heading, overflow="fold")
    for name, value in rows.items():
        table.add_row(f"MEESHY_{name.upper()}", str(value), Settings.model_fields[name].description)
    Console().print(table, highlight=False)
