"""`meeshy keys`: make, show and revoke API keys, and change the secret beside them."""

from typing import cast, get_args

import click
import msgspec

from appliance.access.console import as_json, day, opened, print_json
from appliance.access.keys import Role, create_key, list_keys, revoke_key
from appliance.access.plan import DEFAULT_PLAN
from appliance.access.plans import plan_named
from appliance.access.rotation import rotate_secret
from appliance.application_secret import webhook_secret
from appliance.settings import Settings


@click.group()
def keys() -> None:
    """Make, list and revoke the API keys of applications."""


@keys.command()
@click.argument("application")
@click.option("--role", type=click.Choice(get_args(Role)), default="app", show_default=True, help="What it may do.")
@click.option("--plan", default=DEFAULT_PLAN, show_default=True, help="Plan of an application that is new.")
@as_json
@click.pass_obj
def create(settings: Settings, application: str, role: str, plan: str, as_json: bool) -> None:
    """Make a key for an application and print it, this once; a new application also gets its signing secret."""
    if not 1 <= len(application) <= 128 or not application.isprintable():
        raise click.ClickException("An application's name has 1 to 128 printable characters.")
    with opened(settings) as database:
        with database.read() as connection:
            plan_named(connection, plan)
        issued = create_key(database, application, cast(Role, role), plan)
    document = msgspec.to_builtins(issued) | {"webhook_secret": webhook_secret(issued.token_secret)}
    if as_json:
        print_json(document)
        return
    click.echo(f"key             {issued.key}")
    click.echo(f"key id          {issued.id}")
    click.echo(f"role            {issued.role}")
    click.echo(f"application id  {issued.application_id}")
    click.echo(f"token secret    {issued.token_secret}")
    click.echo(f"webhook secret  {document['webhook_secret']}")


@keys.command("list")
@as_json
@click.pass_obj
def list_all(settings: Settings, as_json: bool) -> None:
    """Show every key's id, role and application; the keys themselves are not stored."""
    with opened(settings) as database:
        entries = list_keys(database)
    if as_json:
        print_json({"keys": [msgspec.to_builtins(entry) for entry in entries]})
        return
    if not entries:
        click.echo("No keys yet; make one with: meeshy keys create NAME")
    for entry in entries:
        state = f"revoked {day(entry.revoked_s)}" if entry.revoked_s else "valid"
        click.echo(f"{entry.id}  {entry.role:9}  {entry.application}  made {day(entry.created_s)}  {state}")


@keys.command()
@click.argument("key_id")
@as_json
@click.pass_obj
def revoke(settings: Settings, key_id: str, as_json: bool) -> None:
    """Make a key useless from the next request on."""
    with opened(settings) as database:
        revoke_key(database, key_id)
    if as_json:
        print_json({"id": key_id, "revoked": True})
    else:
        click.echo(f"{key_id}: revoked")


@keys.command("rotate-secret")
@click.argument("application")
@click.option("--at-once", is_flag=True, help="The old secret counts no more from now on: somebody else has seen it.")
@as_json
@click.pass_obj
def rotate(settings: Settings, application: str, at_once: bool, as_json: bool) -> None:
    """Give an application a new secret for user tokens and webhooks; the old one counts for 24 hours more."""
    with opened(settings) as database:
        rotated = rotate_secret(database, application, overlap=not at_once)
    document = msgspec.to_builtins(rotated) | {"webhook_secret": webhook_secret(rotated.token_secret)}
    if as_json:
        print_json(document)
        return
    click.echo(f"application id  {rotated.application_id}")
    click.echo(f"token secret    {rotated.token_secret}")
    click.echo(f"webhook secret  {document['webhook_secret']}")
