"""`meeshy bench phrases`: the hit rate of the phrase library while it grows."""

import json

import click
import msgspec
from rich.console import Console

from appliance.bench.machine import host
from appliance.bench.phrases.curve import curve
from appliance.bench.phrases.replay import REQUESTS, WINDOW, replay
from appliance.errors import CommandFailed
from appliance.settings import Settings

RUNTIMES = ("sqlalchemy",)
QUICK_REQUESTS = 2 * WINDOW


def measure_phrases(settings: Settings, *, as_json: bool, quick: bool) -> None:
    """Replay a stream of requests and print the curve; CommandFailed where the hit rate does not rise."""
    about = host(RUNTIMES)
    with Console(stderr=True).status("") as status:
        own = settings.model_copy(update={"log_level": "warning"})
        replayed = replay(own, status.update, QUICK_REQUESTS if quick else REQUESTS)
    if as_json:
        document = {"phrases": msgspec.to_builtins(replayed), "machine": about}
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))
    else:
        Console(width=120).print(curve(replayed))
    # Two windows are too few for a statement on the rise.
    if replayed.verdict == "check_failed" or (replayed.verdict == "falls_short" and not quick):
        raise CommandFailed(f"Not met: phrases {replayed.verdict} {replayed.check}".rstrip() + ".")
