"""`meeshy bench`: how fast the appliance and its queue are beside scripts, and how alike its voices are."""

import json
import signal
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import click
import msgspec

from appliance.bench.registry import MEASUREMENTS, QUEUE_MEASUREMENTS, Measurement
from appliance.bench.report import reported
from appliance.bench.rounds import QUICK, THOROUGH
from appliance.bench.row import Row
from appliance.catalog.store import ModelStore
from appliance.commands.bench_speed import measure_speed
from appliance.commands.models_needed import ensure_models
from appliance.errors import CommandFailed
from appliance.settings import Settings

RECORDINGS = Path(__file__).resolve().parents[3] / "shared" / "data" / "human_speech"
"""Human recordings that may lie beside the checkout; they are nobody's to commit."""


@click.command("bench")
@click.argument("what", type=click.Choice(["speed", "queue", "voice", "phrases"]), default="speed")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option(
    "--only", "names", multiple=True, type=click.Choice([*MEASUREMENTS, *QUEUE_MEASUREMENTS]),
    help="This row; may be repeated.",
)  # fmt: skip
@click.option("--quick", is_flag=True, help="Two rounds per row: shows that everything runs, figures not to be quoted.")
@click.option(
    "--recordings",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=RECORDINGS if RECORDINGS.is_dir() else None,
    help="Folder of human recordings; without it, notes are spoken with stock voices.",
)
@click.option(
    "--part", "parts", multiple=True, type=click.Choice(["match", "gate", "growth"]), default=("match",),
    help="This part of `voice`; may be repeated. Default: match.",
)  # fmt: skip
@click.option(
    "--weights",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="With `voice`: XTTS-v2 with the real weights of this folder.",
)
@click.option("--random-full-size", is_flag=True, help="With `voice`: XTTS-v2 in its real size with random weights.")
@click.pass_obj
def bench(
    settings: Settings, what: str, as_json: bool, names: tuple[str, ...], quick: bool, recordings: Path | None,
    parts: tuple[str, ...], weights: Path | None, random_full_size: bool,
) -> None:  # fmt: skip
    """Measure the appliance on this machine.

    `speed` sets it against scripts of the same engines, `queue` its queue against stock Dramatiq, with scripted
    engines; `voice` says how much matched voices resemble their speakers (part `match`), who passes the same-speaker
    gate (`gate`), and what more samples do to a profile (`growth`); `phrases` how often the phrase library is hit while
    it grows. Ends with 1 where a demand is not met.
    """
    # A terminated bench must still end the processes that it started in sessions of their own.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    if what == "phrases":
        # The scripted engines load with this import, so only this group pays for it.
        from appliance.commands.bench_phrases import measure_phrases

        measure_phrases(settings, as_json=as_json, quick=quick)
        return
    if what == "voice" and random_full_size:
        from appliance.commands.bench_xtts import measure_full_size

        measure_full_size(settings, quick=quick, as_json=as_json)
        return
    if what != "queue":
        ensure_models(settings)
    if what == "voice" and weights:
        from appliance.commands.bench_xtts import measure_weights

        measure_weights(settings, weights, recordings, quick=quick, as_json=as_json)
        return
    if what == "voice":
        _voice(settings, as_json, recordings, parts, quick=quick)
        return
    plan = QUICK if quick else THOROUGH
    with reported(as_json=as_json) as reporter:
        if what == "queue":
            # The servers' clients load with this import, so only this group pays for it.
            from appliance.commands.bench_queue import measure_queue

            about = measure_queue(settings, _chosen(what, names, QUEUE_MEASUREMENTS), plan, reporter)
        else:
            about = measure_speed(settings, _chosen(what, names, MEASUREMENTS), plan, recordings, reporter)
    if as_json:
        document = {"rows": msgspec.to_builtins(reporter.rows), **about}
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))
    _judge(reporter.rows)


def _chosen(what: str, names: tuple[str, ...], measurements: Mapping[str, Measurement]) -> tuple[str, ...]:
    foreign = [name for name in names if name not in measurements]
    if foreign:
        raise CommandFailed(f"`bench {what}` has no row {foreign[0]}; it has: {', '.join(measurements)}.")
    return names or tuple(measurements)


def _judge(rows: Sequence[Row]) -> None:
    short = [row.name for row in rows if row.holds is False]
    if short:
        raise CommandFailed(f"Not met: {', '.join(short)}.")


def _voice(settings: Settings, as_json: bool, recordings: Path | None, parts: tuple[str, ...], *, quick: bool) -> None:
    # The engines load with this import, so only this group pays for it.
    from appliance.bench.voice import voice_report
    from appliance.bench.xtts_weights import NOT_SHOWN

    say = partial(click.echo, err=True)
    document, text = voice_report(ModelStore(settings), settings, recordings, parts, quick=quick, say=say)
    document["not_shown"] = NOT_SHOWN
    click.echo(json.dumps(document, ensure_ascii=False, indent=2) if as_json else f"{text}\n{NOT_SHOWN}")
    short = [name for name in ("gate", "growth") if document.get(name, {}).get("holds") is False]
    if short:
        raise CommandFailed(f"Not met: {', '.join(short)}.")
