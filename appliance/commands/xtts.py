"""`meeshy xtts`: the environment in which XTTS-v2 runs, apart from the appliance's own."""

import json
import time

import click

from appliance.catalog.catalog import CHECKOUT
from appliance.errors import CommandFailed
from installer.bootstrap import BootstrapFailed
from installer.xtts_environment import ensure_xtts, environment_folder, interpreter_of, remove_xtts

as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of text.")


@click.group()
def xtts() -> None:
    """Install, find and remove the environment of XTTS-v2."""


@xtts.command()
@as_json
def install(as_json: bool) -> None:
    """Install torch and coqui-tts into an environment of their own, once per lock; 6.1 GB, some minutes."""
    known, started_s = interpreter_of(CHECKOUT) is not None, time.monotonic()
    interpreter = install_xtts()
    if as_json:
        click.echo(json.dumps({"interpreter": interpreter, "installed": not known}))
    else:
        click.echo(f"{interpreter} ({'was there' if known else f'{time.monotonic() - started_s:.0f} s'})")


@xtts.command()
@as_json
def path(as_json: bool) -> None:
    """Print the environment's interpreter; ends with 1 where it is not installed."""
    interpreter = interpreter_of(CHECKOUT)
    if interpreter is None:
        raise CommandFailed(f"{environment_folder(CHECKOUT)} is not installed; run ./meeshy xtts install.")
    click.echo(json.dumps({"interpreter": str(interpreter)}) if as_json else interpreter)


@xtts.command()
@as_json
def remove(as_json: bool) -> None:
    """Delete the environment."""
    removed = remove_xtts(CHECKOUT)
    if as_json:
        click.echo(json.dumps({"removed": removed}))
    else:
        click.echo("removed" if removed else "was not installed")


def install_xtts() -> str:
    """Install the environment where it is missing and return its interpreter, or raise CommandFailed."""
    try:
        return str(ensure_xtts(CHECKOUT))
    except BootstrapFailed as failure:
        raise CommandFailed(f"The environment of XTTS: {failure}") from failure
