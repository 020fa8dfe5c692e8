"""Judging a reading by listening to it: accept it, try another within the budget, or hand on the best for review."""

from dataclasses import dataclass

import msgspec
import numpy as np

from appliance.audio.measures import clipping_ratio, snr_db
from appliance.engines.protocols import SPEECH_RATE_HZ, Samples, Transcription
from appliance.errors import MeeshyError
from appliance.jobs.items import FINISH_KEY, synthesize_key
from appliance.jobs.outcomes import Outcome
from appliance.jobs.states import Stage, TargetState
from appliance.receipts.verdict import faults
from appliance.receipts.wer import word_error_rate
from appliance.stages.context import Context
from appliance.stages.progress import Reading
from appliance.stages.recording import source_samples
from appliance.stages.work import Work
from appliance.voices.measures import mfcc_distance, pitch_distance_semitones, speaker_similarity

SPEECH_FOR_EMBEDDING_S = 30.0
"""More of the recording than this does not make its speaker clearer, only slower to embed."""


@dataclass(frozen=True)
class _Speaker:
    """The recording's speaker: embedding (None when too short), and the sound for what the encoder does not see."""

    embedding: Samples | None
    samples: Samples


def verified(
    context: Context, work: Work, native: Samples, spoken: Samples, heard: Transcription, elapsed_s: float
) -> Outcome:
    """Measure the newest reading and return what follows; `native` is the reading as stored, `spoken` at 16 kHz."""
    started_s = context.clock.monotonic_s()
    reading = _measured(context, work, native, spoken, heard)
    progress = msgspec.structs.replace(
        work.progress,
        readings=(*work.progress.readings[:-1], reading),
        stage_ms=work.progress.timed("verify", elapsed_s + context.clock.monotonic_s() - started_s),
    )
    again = bool(reading.faults) and len(progress.readings) < context.settings.speak_attempts
    if again:
        state, following = TargetState.SPEAKING, work.next(Stage.SYNTHESIZE, synthesize_key(work.of.language))
    else:
        state, following = TargetState.FINISHING, work.next(Stage.FINISH, FINISH_KEY)
    return Outcome(item=work.item, target={"progress": progress, "state": state}, following=following)


def _measured(context: Context, work: Work, native: Samples, spoken: Samples, heard: Transcription) -> Reading:
    reading = work.progress.readings[-1]
    text = " ".join(utterance.text for utterance in reading.utterances)
    uttered = _utterances(reading, native)
    measured = msgspec.structs.replace(
        reading,
        wer=round(word_error_rate(text, heard.text), 4),
        heard_text=heard.text,
        snr_db=_rounded(snr_db(uttered, reading.rate_hz)),
        clipping_ratio=round(clipping_ratio(uttered), 6),
    )
    if reading.voice_kind != "stock":
        measured = _likened(context, work, measured, spoken)
    return msgspec.structs.replace(
        measured,
        # What the engine said of its own reading stands beside what was heard.
        faults=reading.faults
        + faults(
            measured,
            max_wer=context.settings.max_wer,
            min_similarity=context.settings.min_similarity,
            voice_kind=reading.voice_kind,
        ),
    )


def _utterances(reading: Reading, samples: Samples) -> Samples:
    """Return the spoken parts alone: the pauses between them are digital silence, which no recording would have."""
    spans = [
        samples[round(part.start_s * reading.rate_hz) : round(part.end_s * reading.rate_hz)]
        for part in reading.utterances
    ]
    return np.concatenate(spans)


def _likened(context: Context, work: Work, reading: Reading, spoken: Samples) -> Reading:
    """Return the reading with its distances to the speaker: only for voices that the speaker agreed to."""
    speaker = _speaker(context, work)
    embedding = _embedding(context, spoken)
    similarity = None
    if speaker.embedding is not None and embedding is not None:
        similarity = round(speaker_similarity(speaker.embedding, embedding), 4)
    return msgspec.structs.replace(
        reading,
        similarity=similarity,
        pitch_distance_semitones=_rounded(pitch_distance_semitones(speaker.samples, spoken)),
        mfcc_distance=_rounded(mfcc_distance(speaker.samples, spoken)),
    )


def _speaker(context: Context, work: Work) -> _Speaker:
    def compute() -> _Speaker:
        samples = source_samples(context, work)[: int(SPEECH_FOR_EMBEDDING_S * SPEECH_RATE_HZ)]
        return _Speaker(_embedding(context, samples), samples)

    what = f"speaker:{context.engines.encoder.identity().key}"
    speaker, _ = context.references.recall(work.job.owner, work.job.audio_sha256, what, compute)
    return speaker


def _embedding(context: Context, samples: Samples) -> Samples | None:
    result = context.engines.encoder.embed([samples])[0]
    return None if isinstance(result, MeeshyError) else result


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 4)
