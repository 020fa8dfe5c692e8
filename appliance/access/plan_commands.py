"""`meeshy plans` and `meeshy applications`: what applications may use."""

import click
import msgspec

from appliance.access.console import as_json, day, opened, print_json, print_table
from appliance.access.plan import Plan
from appliance.access.plans import change_plan, list_applications, list_plans, plan_named, set_plan
from appliance.settings import Settings


@click.group()
def plans() -> None:
    """Show and change the plans that applications have."""


@plans.command("list")
@as_json
@click.pass_obj
def list_all(settings: Settings, as_json: bool) -> None:
    """Show all plans with all their fields."""
    with opened(settings) as database, database.read() as connection:
        found = list_plans(connection)
    if as_json:
        print_json({"plans": [msgspec.to_builtins(plan) for plan in found]})
        return
    fields = [field for field in Plan.__struct_fields__ if field != "name"]
    print_table(
        ["field", *(plan.name for plan in found)],
        [[field, *(_shown(getattr(plan, field)) for plan in found)] for field in fields],
    )


@plans.command()
@click.argument("name")
@as_json
@click.pass_obj
def show(settings: Settings, name: str, as_json: bool) -> None:
    """Show one plan."""
    with opened(settings) as database, database.read() as connection:
        plan = plan_named(connection, name)
    _print_plan(plan, as_json)


@plans.command("set")
@click.argument("name")
@click.argument("changes", nargs=-1, required=True)
@as_json
@click.pass_obj
def set_fields(settings: Settings, name: str, changes: tuple[str, ...], as_json: bool) -> None:
    """Change fields of a plan: field=value, or field=none for no limit; counts from the next request on."""
    given = dict(change.partition("=")[::2] for change in changes)
    if len(given) < len(changes) or not all("=" in change for change in changes):
        raise click.ClickException("Changes are written as field=value, each field once.")
    with opened(settings) as database:
        plan = change_plan(database, name, given)
    _print_plan(plan, as_json)


@click.group()
def applications() -> None:
    """Show applications and give them plans."""


@applications.command("list")
@as_json
@click.pass_obj
def list_entries(settings: Settings, as_json: bool) -> None:
    """Show every application's name, id and plan."""
    with opened(settings) as database:
        entries = list_applications(database)
    if as_json:
        print_json({"applications": [msgspec.to_builtins(entry) for entry in entries]})
    elif not entries:
        click.echo("No applications yet; make one with: meeshy keys create NAME")
    else:
        rows = [[entry.name, entry.plan, day(entry.created_s), entry.id] for entry in entries]
        print_table(["application", "plan", "made", "id"], rows)


@applications.command("set")
@click.argument("name")
@click.option("--plan", required=True, help="The plan; what was used this month counts against it.")
@as_json
@click.pass_obj
def set_application(settings: Settings, name: str, plan: str, as_json: bool) -> None:
    """Give an application another plan, from its next request on."""
    with opened(settings) as database:
        set_plan(database, name, plan)
    if as_json:
        print_json({"application": name, "plan": plan})
    else:
        click.echo(f"{name}: {plan}")


def _print_plan(plan: Plan, as_json: bool) -> None:
    if as_json:
        print_json(msgspec.to_builtins(plan))
    else:
        print_table(["field", "value"], [[name, _shown(getattr(plan, name))] for name in Plan.__struct_fields__])


def _shown(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return " ".join(value)
    return f"{value:,.12g}" if isinstance(value, float | int) else str(value)
