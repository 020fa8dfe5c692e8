"""`meeshy models` with what needs the database: accepting a licence that forbids commercial use."""

from datetime import UTC, datetime

import click
import msgspec

from appliance.access.console import as_json, opened, print_json
from appliance.access.licences import accept
from appliance.catalog.catalog import Catalog
from appliance.catalog.commands import models
from appliance.errors import CommandFailed, LicenceRefused
from appliance.settings import Settings

LONGEST_NAME = 128


@models.command("accept-licence")
@click.argument("model_id")
@click.option("--by", required=True, help="Who accepts it: a person who may decide that for this site.")
@click.option("--yes", is_flag=True, help="Do not ask; the licence has been read.")
@as_json
@click.pass_obj
def accept_licence(settings: Settings, model_id: str, by: str, yes: bool, as_json: bool) -> None:
    """Accept the licence of a model that forbids commercial use, for this site; who and when is recorded."""
    if not 1 <= len(by) <= LONGEST_NAME or not by.isprintable():
        raise CommandFailed(f"A name has 1 to {LONGEST_NAME} printable characters.")
    model = Catalog.load()[model_id]
    if settings.licence != "evaluation":
        raise LicenceRefused(
            f"{model.id} may not be used at a site with MEESHY_LICENCE={settings.licence}; nothing was recorded. "
            "If this site only evaluates it, set MEESHY_LICENCE=evaluation and call again."
        )
    click.echo(f"{model.title}: licence {model.licence}. It forbids {model.forbids}.", err=as_json)
    if not yes:
        click.confirm("Does this site accept that?", abort=True, err=as_json)
    with opened(settings) as database:
        accepted = accept(database, model, by)
    if as_json:
        print_json({"id": model.id} | msgspec.to_builtins(accepted))
    else:
        at = datetime.fromtimestamp(accepted.at_s, UTC).isoformat(timespec="seconds")
        click.echo(f"{model.id}: {accepted.licence} accepted by {accepted.by} at {at}")


__all__ = ["models"]
