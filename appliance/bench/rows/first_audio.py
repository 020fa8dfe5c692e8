"""When the first sound of a text of three sentences can be played, against when the whole file is there."""

import tempfile
from pathlib import Path

import numpy as np

from appliance.bench.lab import Lab
from appliance.bench.rounds import Sample
from appliance.bench.row import Check, Demand, Row, Sides, judged
from appliance.bench.xtts_environment import write_toy
from appliance.engines.kokoro import Kokoro
from appliance.engines.protocols import SpeakRequest, Speech, Synthesizer
from appliance.engines.sentences import split_sentences
from appliance.engines.speaker_encoder import ResemblyzerEncoder
from appliance.engines.xtts import Xtts
from appliance.engines.xtts_link import Launch
from appliance.workers.assembly import xtts_python

TEXT = (
    "I will be ten minutes late for the meeting this morning. Please start without me and keep my notes on the table. "
    "We can talk about the new prices over lunch on Thursday."
)
MOST_DIFFERENCE = 2e-3
TOY_CODES = 120
"""For each sentence, since it never ends by itself."""


def kokoro(lab: Lab, name: str, demand: Demand) -> Row:
    """Measure Kokoro, which gives a sentence at a time."""
    folder = lab.model_folder("synthesis")
    encoder = ResemblyzerEncoder(lab.store.require("speaker-encoder") / "pretrained.pt")
    engine = Kokoro(folder / "model.onnx", folder / "voices", encoder, lab.threads)
    return _measured(lab, name, demand, engine, f"{folder.name}, {lab.threads} onnxruntime threads")


def xtts(lab: Lab, name: str, demand: Demand) -> Row:
    """Measure the toy XTTS, which gives a second at a time, against its three sentences in one pass."""
    with tempfile.TemporaryDirectory(prefix="meeshy-bench-xtts-") as place:
        write_toy(lab.settings, Path(place), TOY_CODES)
        engine = Xtts(Launch(xtts_python(lab.settings), Path(place), threads=lab.threads, greedy=True), ("en",))
        try:
            return _measured(
                lab, name, demand, engine, f"toy XTTS of 2 layers x 64 channels, {lab.threads} torch threads"
            )
        finally:
            engine.close()


def _measured(lab: Lab, name: str, demand: Demand, engine: Synthesizer, what: str) -> Row:
    # As the appliance asks: a request per sentence.
    voice = engine.stock_voice("en")
    requests = [SpeakRequest(sentence, "en", voice) for sentence in split_sentences(TEXT)]

    def first_piece() -> Sample:
        started_s = lab.clock.monotonic_s()
        pieces = (piece for request in requests for piece in engine.stream(request))
        first = next(pieces)
        elapsed_s = lab.clock.monotonic_s() - started_s
        # The rest, untimed, for the check.
        return Sample(elapsed_s, [first.samples, *(piece.samples for piece in pieces)])

    def whole() -> Speech:
        said = []
        for speech in engine.speak(requests):
            if not isinstance(speech, Speech):
                raise speech
            said.append(speech.samples)
        return Speech(np.concatenate(said), speech.rate_hz)

    timings = lab.timed(name, first_piece, lab.stopwatch(whole))
    joined, full = np.concatenate(timings.a[-1].output), timings.b[-1].output
    same = len(joined) == len(full.samples) and float(np.abs(joined - full.samples).max()) <= MOST_DIFFERENCE
    return judged(
        name,
        demand,
        timings,
        Check(passed=same, detail=f"the pieces joined are {'the file' if same else 'NOT the file'}"),
        Sides(
            a="until the first piece of stream() of the first sentence",
            b="until speak() has all three",
            threads=f"both: {what}",
        ),
        {
            "first_piece_s": len(timings.a[-1].output[0]) / full.rate_hz,
            "whole_s": len(full.samples) / full.rate_hz,
            "pieces": len(timings.a[-1].output),
        },
    )
