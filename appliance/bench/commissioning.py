"""What this machine can do with the engines that are configured: figures for admission, and the scale of deadlines."""

import itertools
import math
import resource
import statistics
from collections.abc import Callable, Sequence

import numpy as np

from appliance.bench.commissioned import Commissioned, EngineFigures
from appliance.bench.trial import SPOKEN_FROM, Trial
from appliance.engines.protocols import SPEECH_RATE_HZ, Samples, SpeakRequest, TranscribeRequest, TranslateRequest
from appliance.errors import MeeshyError
from appliance.jobs.deadlines import DEADLINE_PER_AUDIO_S
from appliance.jobs.items import Length
from appliance.jobs.rates import Measured
from appliance.workers.roles import BATCH_LIMITS

NOTE_S = 5.0
"""The note whose time the scale is made from."""
LENGTHS_S: dict[Length, float] = {"short": 4.0, "medium": 10.0, "long": 20.0}
ROUNDS = 3
LONG_ENOUGH_S = 10.0
"""A call is not repeated once its rounds took so long: noise averages out within it, and slow machines have to end."""
AT_ONCE: dict[Length, int] = {"short": 4, "medium": 2, "long": 0}
"""Notes that arrive together in the loaded round, so that its batches are fuller. Of long ones none: on a processor
they gain nothing, and with four of each length two cores took four minutes, in an installation that may take five."""
HEADROOM = 1.5
"""How much more than the measured time an idle machine may take and still be in time."""
SENTENCE = "Delivery number {number} will reach the customer on Thursday, but only before noon."
"""With another number in each row of a batch: equal rows seem to gain 42 x where different ones gain 3.3 x (Argos)."""


def scale_for(note_s: float, strictest_sla_s: float) -> float:
    """Return the smallest scale, at least 1, at which an idle machine does a 5 s note in time with headroom."""
    promised_s = strictest_sla_s + DEADLINE_PER_AUDIO_S * NOTE_S
    return max(1.0, math.ceil(100 * HEADROOM * note_s / promised_s) / 100)


def commission(
    trial: Trial, recording: Samples, strictest_sla_s: float, say: Callable[[str], None]
) -> tuple[Commissioned, Measured]:
    """Measure with a recording of speech of some seconds, and return the figures with the sums behind the rates."""
    say("one note, to warm up")
    trial.run([cut(recording, NOTE_S)])
    notes_s = []
    for number in range(ROUNDS):
        say(f"a note of 5 s, round {number + 1} of {ROUNDS}")
        notes_s.append(trial.run([cut(recording, NOTE_S)]))
    measured = _stages(trial, recording, say)
    figures = Commissioned(
        engines={
            "transcriber": trial.context.engines.transcriber.identity().key,
            "synthesizer": trial.context.engines.synthesizer.identity().key,
        },
        transcription=_transcription(trial, recording, say),
        translation=_translation(trial, say),
        synthesis=_synthesis(trial, say),
        rates={f"{family}:{length}": round(r.busy_s / r.audio_s, 4) for (family, length), r in measured.items()},
        note_s=round(max(notes_s), 3),
        resident_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        strictest_sla_s=strictest_sla_s,
        sla_scale=scale_for(max(notes_s), strictest_sla_s),
    )
    return figures, measured


def cut(recording: Samples, seconds: float) -> Samples:
    """Return so many seconds of a recording, from the start again where it is shorter."""
    wanted = round(seconds * SPEECH_RATE_HZ)
    return np.tile(recording, -(-wanted // len(recording)))[:wanted]


def _stages(trial: Trial, recording: Samples, say: Callable[[str], None]) -> Measured:
    """Return what the stages took, alone and with full batches, for each length of recording."""
    trial.worker.observations.take()
    for length, seconds in LENGTHS_S.items():
        say(f"{length} notes, alone and {AT_ONCE[length] or 'no more'} at once")
        trial.run([cut(recording, seconds)])
        if AT_ONCE[length]:
            trial.run([cut(recording, seconds)] * AT_ONCE[length])
    seen = trial.worker.observations.take()
    with trial.context.database.read() as connection:
        return trial.worker.observations.measured(connection, seen)


def _transcription(trial: Trial, recording: Samples, say: Callable[[str], None]) -> EngineFigures:
    say("transcription")
    request = TranscribeRequest(cut(recording, LENGTHS_S["medium"]), SPOKEN_FROM)
    return _figures(
        trial, "second of recording", LENGTHS_S["medium"], BATCH_LIMITS["hear"],
        lambda count: trial.context.engines.transcriber.transcribe([request] * count),
    )  # fmt: skip


def _translation(trial: Trial, say: Callable[[str], None]) -> EngineFigures:
    say("translation")
    translator, numbers = trial.context.engines.translator, itertools.count(100)
    return _figures(
        trial, "sentence", 1.0, BATCH_LIMITS["translate"],
        lambda count: translator.translate([_sentence(trial, next(numbers)) for _ in range(count)]),
    )  # fmt: skip


def _sentence(trial: Trial, number: int) -> TranslateRequest:
    return TranslateRequest((SENTENCE.format(number=number),), SPOKEN_FROM, trial.target())


def _synthesis(trial: Trial, say: Callable[[str], None]) -> EngineFigures:
    say("synthesis")
    synthesizer = trial.context.engines.synthesizer
    translated = trial.context.engines.translator.translate([_sentence(trial, 1)])[0]
    if isinstance(translated, MeeshyError):
        raise translated
    request = SpeakRequest(translated.text, trial.target(), synthesizer.stock_voice(trial.target()))
    spoken = synthesizer.speak([request])[0]
    if isinstance(spoken, MeeshyError):
        raise spoken
    spoken_s = len(spoken.samples) / spoken.rate_hz
    return _figures(
        trial, "spoken second", spoken_s, BATCH_LIMITS["synthesize"], lambda count: synthesizer.speak([request] * count)
    )


def _figures(
    trial: Trial, unit: str, units: float, batch: int, run: Callable[[int], Sequence[object]]
) -> EngineFigures:
    """Time a call for one item and one for a full batch, the medians of up to three rounds."""
    clock = trial.context.clock

    def timed(count: int) -> float:
        times_s: list[float] = []
        while len(times_s) < ROUNDS and sum(times_s) < LONG_ENOUGH_S:
            started_s = clock.monotonic_s()
            results = run(count)
            times_s.append(clock.monotonic_s() - started_s)
            failure = next((result for result in results if isinstance(result, MeeshyError)), None)
            if failure is not None:
                raise failure
        return statistics.median(times_s) / (count * units)

    alone_s, in_batch_s = timed(1), timed(batch)
    gain = alone_s / in_batch_s if in_batch_s else 1.0
    return EngineFigures(
        unit=unit, alone_s=round(alone_s, 4), in_batch_s=round(in_batch_s, 4), batch=batch, gain=round(gain, 2)
    )
