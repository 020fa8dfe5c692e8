"""`meeshy commission`: measures this machine, and sets what its deadlines are multiplied by."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager

import click
import msgspec
import sqlalchemy as sa
from rich.console import Console
from rich.table import Table

from appliance.bench.commissioned import Commissioned, EngineFigures
from appliance.commands.serve import require_models, running_server
from appliance.errors import CommandFailed
from appliance.jobs.deadlines import SLA_SCALE
from appliance.jobs.rates import COMMISSIONED, Measured, learn
from appliance.jobs.registry import living_on_this_host
from appliance.settings import Settings
from appliance.storage.database import Database, unmade_file
from appliance.storage.migrate import migrate
from appliance.storage.shipped import SHIPPED_PLANS
from appliance.storage.site import set_site_value
from appliance.storage.tables import plans
from appliance.workers.presence import anybody_at_work


@click.command("commission")
@click.option("--dry-run", is_flag=True, help="Measure and print, but store nothing.")
@click.option("--force", is_flag=True, help="Measure although workers run here: what they do is measured too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def commission(settings: Settings, dry_run: bool, force: bool, as_json: bool) -> None:
    """Measure this machine with its engines while nothing else runs, and store figures and scale of deadlines."""
    if not force:
        _require_idle(settings)
    require_models(settings)
    figures, measured = _measured(settings, _strictest_sla_s(settings))
    if not dry_run:
        _store(settings, figures, measured)
    if as_json:
        click.echo(json.dumps({**msgspec.to_builtins(figures), "stored": not dry_run}, indent=2))
    else:
        _show(figures, stored=not dry_run)


def _measured(settings: Settings, strictest_sla_s: float) -> tuple[Commissioned, Measured]:
    # Only this command loads engines, and only when it runs.
    from scipy.io import wavfile

    from appliance.bench.commissioning import commission as measure
    from appliance.bench.trial import opened_trial
    from appliance.catalog.store import ModelStore
    from appliance.voices.measures import to_speech_rate
    from appliance.workers.assembly import assemble

    rate_hz, samples = wavfile.read(ModelStore(settings).require("demo-recording") / "jfk.wav")
    recording = to_speech_rate((samples / 32768.0).astype("float32"), rate_hz)
    with Console(stderr=True).status("loading the engines") as status, opened_trial(settings, assemble) as trial:
        return measure(trial, recording, strictest_sla_s, status.update)


def _require_idle(settings: Settings) -> None:
    running = running_server(settings)
    if running is not None:
        raise CommandFailed(
            f"An appliance serves this data folder, at {running}: both would be measured. Stop it first, or --force."
        )
    with _database(settings) as database:
        if database is None:
            return
        with database.read() as connection:
            pids = living_on_this_host(connection, database.now_s(connection))
    if pids:
        raise CommandFailed(
            f"Workers run on this host (processes {', '.join(map(str, pids))}): they would be measured too, and "
            "there may not be memory for both. Stop the pool first, or --force."
        )
    # After these, who are at work as well: what is left has not entered itself yet.
    if anybody_at_work(settings.data_dir):
        raise CommandFailed(
            "A worker of this data folder is loading its engines: that would be measured too, and there may not be "
            "memory for both. Stop it first, or --force."
        )


def _strictest_sla_s(settings: Settings) -> float:
    """Return the least that a plan of the site promises; of the shipped plans where there is no database yet."""
    with _database(settings) as database:
        if database is None:
            return min(plan["sla_s"] for plan in SHIPPED_PLANS)
        with database.read() as connection:
            promised = connection.scalars(sa.select(plans.c.sla_s)).all()
    return min((sla_s or settings.sla_s for sla_s in promised), default=settings.sla_s)


@contextmanager
def _database(settings: Settings) -> Iterator[Database | None]:
    """Yield the migrated database; None where it is a file that nobody has made yet."""
    if unmade_file(settings.database) is not None:
        yield None
        return
    with closing(Database(settings.database)) as database:
        migrate(database)
        yield database


def _store(settings: Settings, figures: Commissioned, measured: Measured) -> None:
    with closing(Database(settings.database)) as database:
        migrate(database)
        with database.write() as connection:
            now_s = database.now_s(connection)
            set_site_value(connection, COMMISSIONED, {**msgspec.to_builtins(figures), "measured_s": now_s}, now_s)
            set_site_value(connection, SLA_SCALE, figures.sla_scale, now_s)
            learn(connection, measured, now_s, anew=True)


def _show(figures: Commissioned, *, stored: bool) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("what", "alone", "in a batch", "gain"):
        table.add_column(heading)
    engines: dict[str, EngineFigures] = {
        "transcription": figures.transcription, "translation": figures.translation, "synthesis": figures.synthesis,
    }  # fmt: skip
    for name, each in engines.items():
        unit = f"s per {each.unit}"
        table.add_row(
            f"{name}, {unit}", f"{each.alone_s:.3f}", f"{each.in_batch_s:.3f} (of {each.batch})", f"{each.gain:.2f} x"
        )
    for name, rate in figures.rates.items():
        table.add_row(f"{name}, s per second of recording", "", f"{rate:.3f}", "")
    console = Console()
    console.print(table, highlight=False)
    console.print(
        f"A note of 5 s takes {figures.note_s:.1f} s when nothing else runs. Memory: "
        f"{figures.resident_bytes / 1e6:.0f} MB.\nThe strictest plan promises {figures.strictest_sla_s:g} s; the scale "
        f"that follows is {figures.sla_scale:g}, {'stored and in force' if stored else 'not stored'}.",
        highlight=False,
    )
