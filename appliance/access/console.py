"""What commands on the database share: how it is opened, and how they print."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from appliance.errors import MeeshyError
from appliance.settings import Settings
from appliance.storage.database import Database
from appliance.storage.migrate import migrate

as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of text.")


@contextmanager
def opened(settings: Settings) -> Iterator[Database]:
    """Yield the migrated database; our own errors end the command with their sentence."""
    database = Database(settings.database)
    try:
        migrate(database)
        yield database
    except MeeshyError as error:
        raise click.ClickException(error.detail) from error
    finally:
        database.close()


def day(at_s: float) -> str:
    """Return the day in UTC."""
    return datetime.fromtimestamp(at_s, UTC).date().isoformat()


def print_json(document: dict[str, Any]) -> None:
    """Print one document."""
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows for people; the first column is never broken, the others are aligned to the right."""
    table = Table(box=None, pad_edge=False)
    first, *others = headings
    table.add_column(first, no_wrap=True)
    for heading in others:
        table.add_column(heading, justify="right", overflow="fold")
    for row in rows:
        table.add_row(*row)
    Console().print(table, highlight=False, markup=False)
