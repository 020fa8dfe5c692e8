"""How much matched voices resemble their speakers: the voices' own evaluation, on the models of the preset."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from appliance.catalog.store import ModelStore
from appliance.engines.kokoro import Kokoro
from appliance.engines.speaker_encoder import ResemblyzerEncoder
from appliance.settings import Settings
from appliance.voices.evaluate import as_table, evaluate, means, recorded_speakers, stock_speakers

QUICK_SPEAKERS = 2
QUICK_METHODS = ("mean", "nearest", "matched")


def voice_report(
    store: ModelStore, settings: Settings, recordings: Path | None, *, quick: bool
) -> tuple[list[dict[str, Any]], str]:
    """Return the evaluation's rows, the means last, as plain data and as a table."""
    encoder = ResemblyzerEncoder(store.require("speaker-encoder") / "pretrained.pt")
    folder = store.require(store.catalog.of_set(settings.model_preset, task="synthesis")[0].id)
    threads = settings.threads or os.cpu_count() or 1
    kokoro = Kokoro(folder / "model.onnx", folder / "voices", encoder, threads)
    if quick:
        rows = evaluate(kokoro, encoder, stock_speakers(kokoro)[:QUICK_SPEAKERS], methods=QUICK_METHODS)
    else:
        speakers = stock_speakers(kokoro) + (recorded_speakers(recordings) if recordings else [])
        rows = evaluate(kokoro, encoder, speakers)
    everything = rows + means(rows)
    return [asdict(row) for row in everything], as_table(everything)
