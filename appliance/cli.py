"""The `meeshy` command."""

import importlib
import sys
from typing import Any

import click
from pydantic import ValidationError

from appliance import __version__
from appliance.api.door import guard_start
from appliance.errors import MeeshyError
from appliance.settings import read_settings

COMMANDS = {
    "demo": ("appliance.commands.demo", "demo"),
    "translate": ("appliance.commands.translate", "translate"),
    "serve": ("appliance.commands.serve", "serve"),
    "api": ("appliance.commands.api", "api"),
    "worker": ("appliance.commands.worker", "worker"),
    "pool": ("appliance.commands.pool", "pool"),
    "housekeeping": ("appliance.commands.housekeeping", "housekeeping"),
    "migrate": ("appliance.commands.migrate", "migrate"),
    "status": ("appliance.commands.status", "status"),
    "doctor": ("appliance.commands.doctor", "doctor"),
    "console": ("appliance.commands.console", "console"),
    "models": ("appliance.commands.models", "models"),
    "xtts": ("appliance.commands.xtts", "xtts"),
    "packs": ("appliance.commands.packs", "packs"),
    "keys": ("appliance.access.commands", "keys"),
    "applications": ("appliance.access.plan_commands", "applications"),
    "plans": ("appliance.access.plan_commands", "plans"),
    "objects": ("appliance.commands.objects", "objects"),
    "users": ("appliance.access.user_commands", "users"),
    "usage": ("appliance.access.usage_commands", "usage"),
    "webhooks": ("appliance.commands.webhooks", "webhooks"),
    "commission": ("appliance.commands.commission", "commission"),
    "bench": ("appliance.commands.bench", "bench"),
    "bundle": ("appliance.commands.bundle", "bundle"),
    "settings": ("appliance.commands.settings", "settings"),
    "test": ("appliance.commands.test", "test"),
}
"""Each command's module and object. They are imported when asked for: `meeshy keys` needs none of the engines."""


class _Commands(click.Group):
    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, attribute = COMMANDS[name]
        return getattr(importlib.import_module(module), attribute)

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except MeeshyError as failure:
            raise click.ClickException(failure.detail) from failure


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="meeshy")
@click.pass_context
def main(context: click.Context) -> None:
    """Translate voice messages on your own machines, in a voice like the speaker's."""
    try:
        context.obj = read_settings()
    except ValidationError as failure:
        wrong = failure.errors()[0]
        name = "_".join(str(part) for part in wrong["loc"])
        raise click.ClickException(f"MEESHY_{name.upper()}: {wrong['msg']}.") from failure


if __name__ == "__main__":
    guard_start()
    sys.exit(main(prog_name="meeshy"))
