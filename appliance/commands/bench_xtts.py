"""`meeshy bench voice --weights DIR` and `--random-full-size`: XTTS-v2 with its own weights, or in its size alone."""

import json
import os
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from appliance.access.console import opened
from appliance.access.licences import require_acceptance
from appliance.bench.machine import host
from appliance.bench.xtts_full_size import full_size_report
from appliance.bench.xtts_weights import require_weights, weights_report
from appliance.catalog.store import ModelStore
from appliance.errors import CommandFailed
from appliance.settings import Settings

MODEL = "xtts-v2"


def measure_full_size(settings: Settings, *, quick: bool, as_json: bool) -> None:
    """Print what XTTS takes in its real size; needs no weights and no licence."""
    with Console(stderr=True).status("") as status:
        facts, table = full_size_report(settings, quick=quick, say=status.update)
    _print({"full_size": facts}, table, as_json=as_json)


def measure_weights(settings: Settings, folder: Path, recordings: Path | None, *, quick: bool, as_json: bool) -> None:
    """Print what the real weights sound like and take; the licence has to be accepted, the files the catalog's."""
    # The engines load with these imports.
    from appliance.engines.faster_whisper import FasterWhisper
    from appliance.engines.speaker_encoder import ResemblyzerEncoder
    from appliance.engines.speech_gate import SpeechGate
    from appliance.engines.xtts import Xtts
    from appliance.engines.xtts_link import Launch
    from appliance.voices.evaluate import recorded_speakers
    from appliance.workers.assembly import COMPUTE_TYPES, XTTS_ROWS, xtts_python

    if recordings is None:
        raise CommandFailed("Real voices are cloned from recordings of people; name a folder of them: --recordings.")
    store = ModelStore(settings)
    model = store.catalog[MODEL]
    store.check_licence(MODEL)
    with opened(settings) as database:
        require_acceptance(database, model)
    require_weights(model, folder)
    launch = Launch(
        python=xtts_python(settings), folder=folder, device=settings.device, threads=settings.threads,
        rows=XTTS_ROWS[settings.device],
    )  # fmt: skip
    engine = Xtts(launch, model.languages, model_sha256=store.fingerprint(MODEL), gate=SpeechGate())
    whisper = store.catalog.of_set(settings.model_preset, task="transcription")[0]
    transcriber = FasterWhisper(
        store.require(whisper.id), model=whisper.id, model_sha256="", threads=settings.threads or os.cpu_count() or 1,
        device=settings.device, compute_type=COMPUTE_TYPES[settings.device],
    )  # fmt: skip
    encoder = ResemblyzerEncoder(store.require("speaker-encoder") / "pretrained.pt")
    speakers = recorded_speakers(recordings)[: 2 if quick else None]
    try:
        with Console(stderr=True).status("") as status:
            facts, table = weights_report(
                engine, encoder, transcriber, speakers, growth_calls=20 if quick else 200, say=status.update
            )
    finally:
        engine.close()
        transcriber.close()
    _print({"weights": facts}, table, as_json=as_json)


def _print(document: dict[str, Any], table: Any, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(document | {"machine": host(())}, ensure_ascii=False, indent=2))
    else:
        Console().print(table, highlight=False)
