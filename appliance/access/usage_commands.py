"""`meeshy usage`: what applications used in a month, and what it costs."""

import click
import msgspec

from appliance.access.console import as_json, opened, print_json, print_table
from appliance.access.periods import checked_month, month_of
from appliance.access.usage import GB, Used, usage_by_user, usage_of_month
from appliance.errors import NotFound
from appliance.settings import Settings

_HEADINGS = ["made", "cached", "audio s", "engine s", "chars", "DeepL", "GB", "cost"]


@click.command("usage")
@click.option("--month", help="Month in UTC, such as 2026-08; by default the current one.")
@click.option("--application", help="Only this application, with each of its users.")
@as_json
@click.pass_obj
def usage(settings: Settings, month: str | None, application: str | None, as_json: bool) -> None:
    """Show what each application used in a month, with its cost at the site's prices."""
    with opened(settings) as database, database.read() as connection:
        month = checked_month(month) if month else month_of(database.now_s(connection))
        found = usage_of_month(connection, settings, month)
        if application is not None:
            found = [entry for entry in found if entry.application == application]
            if not found:
                raise NotFound(f"There is no application '{application}'; see: meeshy applications list.")
            users = usage_by_user(connection, settings, month, found[0].application_id)
            found = [msgspec.structs.replace(found[0], users=tuple(users))]
    if as_json:
        print_json({"month": month, "applications": [msgspec.to_builtins(entry) for entry in found]})
        return
    rows = []
    for entry in found:
        rows.append([entry.application, entry.plan, *_cells(entry.used)])
        rows += [[f"  {user.user_id}", "", *_cells(user.used)] for user in entry.users]
    print_table([month, "plan", *_HEADINGS], rows)


def _cells(used: Used) -> list[str]:
    counts = [f"{count:,}" for count in (used.translations, used.cached_answers)]
    seconds = [f"{seconds:,.1f}" for seconds in (used.audio_s, used.engine_s)]
    characters = [f"{count:,}" for count in (used.characters, used.deepl_characters)]
    stored_gb = (used.recording_bytes + used.result_bytes) / GB
    return [*counts, *seconds, *characters, f"{stored_gb:,.3f}", f"{used.cost:,.2f}"]
