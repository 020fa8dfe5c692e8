"""How much matched voices resemble their speakers, and what voice profiles do: on the models of the preset."""

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from appliance.bench.same_speaker import gate_report
from appliance.bench.voice_growth import growth_report
from appliance.catalog.store import ModelStore
from appliance.engines.kokoro import Kokoro
from appliance.engines.speaker_encoder import ResemblyzerEncoder
from appliance.settings import Settings
from appliance.voices.evaluate import as_table, evaluate, means, recorded_speakers, stock_speakers

QUICK_SPEAKERS = 2
QUICK_METHODS = ("mean", "nearest", "matched")


def voice_report(
    store: ModelStore,
    settings: Settings,
    recordings: Path | None,
    parts: Sequence[str],
    *,
    quick: bool,
    say: Callable[[str], None] = lambda _: None,
) -> tuple[dict[str, Any], str]:
    """Return the asked-for parts as plain data (the match as `rows`, others under their names) and as text.

    `say` is told what is being measured: all parts together take most of an hour on two cores.
    """
    encoder = ResemblyzerEncoder(store.require("speaker-encoder") / "pretrained.pt")
    folder = store.require(store.catalog.of_set(settings.model_preset, task="synthesis")[0].id)
    threads = settings.threads or os.cpu_count() or 1
    kokoro = Kokoro(folder / "model.onnx", folder / "voices", encoder, threads)
    document: dict[str, Any] = {}
    texts = []
    if "match" in parts:
        document["rows"], text = _match(kokoro, encoder, recordings, quick=quick)
        texts.append(text)
    for name, report in (("gate", gate_report), ("growth", growth_report)):
        if name in parts:
            document[name], text = report(kokoro, encoder, recordings, quick=quick, say=say)
            texts.append(text)
    return document, "\n\n".join(texts)


def _match(
    kokoro: Kokoro, encoder: ResemblyzerEncoder, recordings: Path | None, *, quick: bool
) -> tuple[list[dict[str, Any]], str]:
    if quick:
        rows = evaluate(kokoro, encoder, stock_speakers(kokoro)[:QUICK_SPEAKERS], methods=QUICK_METHODS)
    else:
        speakers = stock_speakers(kokoro) + (recorded_speakers(recordings) if recordings else [])
        rows = evaluate(kokoro, encoder, speakers)
    everything = rows + means(rows)
    return [asdict(row) for row in everything], as_table(everything)
