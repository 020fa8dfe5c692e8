"""`meeshy webhooks`: see what was not delivered, send it again, open a destination again."""

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime

import click
import msgspec

from appliance.access.console import as_json, opened, print_json
from appliance.jobs.outbox import MessageState
from appliance.settings import Settings
from appliance.webhooks.listing import DestinationEntry, MessageEntry, list_destinations, list_messages
from appliance.webhooks.replay import replay_failed, replay_message
from appliance.webhooks.trouble import enable as enable_destination

_UNIT_S = {"m": 60.0, "h": 3600.0, "d": 86400.0}


def _seconds(_context: click.Context, _parameter: click.Parameter, text: str | None) -> float:
    """Return the seconds of a length of time such as 90m, 24h or 7d; without one, endless."""
    if text is None:
        return math.inf
    match = re.fullmatch(r"(\d{1,6})([mhd])", text)
    if match is None:
        raise click.BadParameter("say how far back as minutes, hours or days: 90m, 24h, 7d.")
    return int(match[1]) * _UNIT_S[match[2]]


@click.group()
def webhooks() -> None:
    """See what became of webhooks, and send them again."""


@webhooks.command("list")
@click.option(
    "--state", type=click.Choice([state.value for state in MessageState]), help="Only messages in this state."
)
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="The newest so many.")
@as_json
@click.pass_obj
def list_all(settings: Settings, state: str | None, limit: int, as_json: bool) -> None:
    """Show messages, newest first, and the destinations that are disabled or failing."""
    with opened(settings) as database:
        messages = list_messages(database, MessageState(state) if state else None, limit)
        destinations = list_destinations(database)
    if as_json:
        print_json({"messages": msgspec.to_builtins(messages), "destinations": msgspec.to_builtins(destinations)})
        return
    _print_list(messages, destinations)


@webhooks.command()
@click.argument("message_id", required=False)
@click.option("--failed", is_flag=True, help="All messages that failed or were refused.")
@click.option("--since", "since_s", callback=_seconds, help="With --failed: only those of the last 90m, 24h or 7d.")
@as_json
@click.pass_obj
def replay(settings: Settings, message_id: str | None, failed: bool, since_s: float, as_json: bool) -> None:
    """Send a message again, or all that failed, under the same id."""
    if (message_id is None) != failed or (message_id is not None and since_s != math.inf):
        raise click.UsageError("Name one message, or give --failed, with or without --since.")
    with opened(settings) as database:
        if message_id is None:
            replayed: Sequence[str] = replay_failed(database, since_s)
        else:
            replay_message(database, message_id)
            replayed = [message_id]
    if as_json:
        print_json({"replayed": list(replayed)})
    else:
        click.echo(f"due at once: {_counted(len(replayed))}")


@webhooks.command()
@click.argument("destination")
@click.option("--application", help="Only for this application, by name; else for every one that has it.")
@as_json
@click.pass_obj
def enable(settings: Settings, destination: str, application: str | None, as_json: bool) -> None:
    """Send to a destination again, given as URL or id, and send what it missed while it was disabled."""
    with opened(settings) as database:
        missed = enable_destination(database, destination, application)
    if as_json:
        print_json({"destination": destination, "enabled": True, "messages": missed})
    else:
        click.echo(f"enabled; due at once: {_counted(missed)}")


def _print_list(messages: Sequence[MessageEntry], destinations: Sequence[DestinationEntry]) -> None:
    for place in destinations:
        click.echo(
            f"{place.state} since {_minute(place.since_s)}  {place.application}  {place.destination}  {place.id}"
        )
    if destinations:
        click.echo()
    if not messages:
        click.echo("No messages.")
    for entry in messages:
        due = f"next {_minute(entry.next_attempt_s)}" if entry.next_attempt_s is not None else ""
        tried = f"{entry.attempts} of {entry.attempts_max}"
        click.echo(
            f"{entry.id}  {entry.state:9}  {tried:8}  {entry.last_answer or '-':11}  {due:21}  "
            f"{entry.application}  {entry.destination}"
        )


def _counted(messages: int) -> str:
    return "1 message" if messages == 1 else f"{messages} messages"


def _minute(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d %H:%M")
