"""`meeshy console`: the console of this machine's own appliance, unless another one is named."""

from typing import Any

import click

from appliance.commands.client import api_key
from appliance.commands.serve import running_server
from appliance.errors import CommandFailed
from appliance.settings import Settings
from tui.cli import OPTIONS, Options, start
from tui.source import Refused


def _own_key(settings: Settings) -> str:
    try:
        return api_key(settings)
    except CommandFailed as failure:
        raise Refused(failure.detail) from failure


@click.pass_context
def _console(context: click.Context, **given: Any) -> None:
    settings: Settings = context.obj
    own_address = running_server(settings) or f"http://{settings.host}:{settings.port}"
    context.exit(start(Options(**given), own_address, lambda: _own_key(settings)))


console = click.Command("console", params=OPTIONS, callback=_console, help="Show an appliance in this terminal.")
