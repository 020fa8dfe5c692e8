"""`meeshy users`: erasing everything of one user, for the operator."""

from contextlib import closing

import click
import msgspec
import sqlalchemy as sa

from appliance.access.console import as_json, opened, print_json
from appliance.access.user_erasure import UserErasure, erase_user
from appliance.cache.opening import open_cache
from appliance.errors import NotFound
from appliance.owner import Owner
from appliance.settings import Settings
from appliance.storage.database import Database
from appliance.storage.opening import open_store
from appliance.storage.tables import applications


@click.group()
def users() -> None:
    """Deal with the users of applications."""


@users.command()
@click.argument("application")
@click.argument("user")
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
@click.pass_obj
def erase(settings: Settings, application: str, user: str, yes: bool, as_json: bool) -> None:
    """Erase everything of a user: voice profile, jobs, audio, kept answers, phrase counts, events."""
    if not yes:
        click.confirm(f"Erase everything of the user '{user}' of '{application}'?", abort=True)
    with opened(settings) as database, closing(open_cache(settings, database)) as cache:
        owner = Owner(_application_id(database, application), user)
        receipt = erase_user(database, open_store(settings), settings, cache, owner)
    if as_json:
        print_json(msgspec.to_builtins(receipt))
    else:
        _show(receipt)
    if not receipt.complete:
        raise click.ClickException("Something is left; run this once more.")


def _application_id(database: Database, name: str) -> str:
    with database.read() as connection:
        found = connection.scalar(sa.select(applications.c.id).where(applications.c.name == name))
    if found is None:
        raise NotFound(f"There is no application '{name}'; see: meeshy applications list.")
    return found


def _show(receipt: UserErasure) -> None:
    click.echo(f"{receipt.erasure_id}: erased")
    for counts in (receipt.counts, receipt.voice.counts if receipt.voice else {}):
        for kind, count in counts.items():
            click.echo(f"  {kind.replace('_', ' '):18} {count}")
