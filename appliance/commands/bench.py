"""`meeshy bench`: how fast the appliance is beside a script of the same engines, and how alike its voices are."""

import json
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import msgspec
from rich.console import Console

from appliance.bench.lab import Lab, Running
from appliance.bench.machine import machine
from appliance.bench.registry import MEASUREMENTS, measure
from appliance.bench.report import machine_line, panel
from appliance.bench.rounds import QUICK, THOROUGH
from appliance.bench.row import Row
from appliance.catalog.store import ModelStore
from appliance.commands.client import api_key, appliance_at
from appliance.commands.models_needed import ensure_models
from appliance.errors import CommandFailed
from appliance.settings import Settings

RECORDINGS = Path(__file__).resolve().parents[3] / "shared" / "data" / "human_speech"
"""Human recordings that may lie beside the checkout; they are nobody's to commit."""
WAIT_S = 300.0
"""How long a synchronous request of the bench waits: on a slow machine, a 202 would end a measurement early."""
REQUESTS_PER_MINUTE = 1_000_000
"""Counted as ever, and out of reach: a fast machine answers more than the default's 600 known requests in a minute."""


@click.command("bench")
@click.argument("what", type=click.Choice(["speed", "voice"]), default="speed")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option(
    "--only", "names", multiple=True, type=click.Choice(list(MEASUREMENTS)), help="This row; may be repeated."
)
@click.option("--quick", is_flag=True, help="Two rounds per row: shows that everything runs, figures not to be quoted.")
@click.option(
    "--recordings",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=RECORDINGS if RECORDINGS.is_dir() else None,
    help="Folder of human recordings; without it, notes are spoken with stock voices.",
)
@click.pass_obj
def bench(
    settings: Settings, what: str, as_json: bool, names: tuple[str, ...], quick: bool, recordings: Path | None
) -> None:
    """Measure the appliance on this machine, with models and engines as they are shipped.

    `speed` sets it against scripts of the same engines, `voice` says how much matched voices resemble their speakers.
    Ends with 1 where a demand is not met.
    """
    # A terminated bench must still end the appliance that it started in a session of its own.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    ensure_models(settings)
    if what == "voice":
        _voice(settings, as_json, recordings, quick=quick)
        return
    console = Console(stderr=as_json)
    with tempfile.TemporaryDirectory(prefix="meeshy-bench-") as folder, Console(stderr=True).status("") as status:
        own = settings.model_copy(
            update={
                "data_dir": Path(folder),
                "database_url": "",
                "sla_s": WAIT_S,
                # A request waits for what its plan promises, too; no plan promises less than a second.
                "sla_scale": WAIT_S,
                "requests_per_minute": REQUESTS_PER_MINUTE,
                "log_level": "warning",
            }
        )
        lab = Lab(
            settings=own,
            store=ModelStore(own),
            plan=QUICK if quick else THOROUGH,
            open_appliance=opened_appliance,
            say=status.update,
            recordings=recordings,
        )
        about = machine(lab.threads)
        if not as_json:
            console.print(machine_line(about))
        rows = measure(lab, names or tuple(MEASUREMENTS), lambda row: console.print(panel(row)))
    if as_json:
        document = {"rows": msgspec.to_builtins(rows), "machine": about}
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))
    _judge(rows)


@contextmanager
def opened_appliance(settings: Settings) -> Iterator[Running]:
    """Run `meeshy serve` on a free port with these settings for the length of the block."""
    with appliance_at(settings, lambda _: None) as url:
        yield Running(url, api_key(settings), settings)


def _judge(rows: list[Row]) -> None:
    short = [row.name for row in rows if row.holds is False]
    if short:
        raise CommandFailed(f"Not met: {', '.join(short)}.")


def _voice(settings: Settings, as_json: bool, recordings: Path | None, *, quick: bool) -> None:
    # The engines load with this import, so only this group pays for it.
    from appliance.bench.voice import voice_report

    rows, table = voice_report(ModelStore(settings), settings, recordings, quick=quick)
    click.echo(json.dumps({"rows": rows}, ensure_ascii=False, indent=2) if as_json else table)
