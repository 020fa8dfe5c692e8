"""What a target has gathered on its way through the stages; it becomes the receipt.

It stays with an ended target as long as the recording does, because it names the readings that are still stored.
"""

from typing import TypedDict

import msgspec
import numpy as np

from appliance.engines.protocols import Samples
from appliance.receipts.receipt import Utterance


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """One spoken attempt: its stored samples (s16le), how it was made, and, once verified, what it measures as."""

    object: str
    rate_hz: int
    duration_s: float
    seed: int
    voice_kind: str
    voice_version: str
    synthesizer: str
    utterances: tuple[Utterance, ...]
    wer: float = -1.0
    heard_text: str = ""
    similarity: float | None = None
    pitch_distance_semitones: float | None = None
    mfcc_distance: float | None = None
    snr_db: float | None = None
    clipping_ratio: float = 0.0
    faults: tuple[str, ...] = ()
    profile_version: int | None = None
    """Of the voice profile that it was spoken with, None without one."""
    notice: str | None = None
    """Why the voice profile was not used, None where nothing was in its way."""
    kept_bytes: int = 0
    """What its object takes where that stays, because its utterances are kept, for as long as the recording; else 0."""


def uttered(reading: Reading, samples: Samples) -> Samples:
    """Return the spoken parts alone: the pauses between them are digital silence, which no recording would have."""
    spans = [
        samples[round(part.start_s * reading.rate_hz) : round(part.end_s * reading.rate_hz)]
        for part in reading.utterances
    ]
    return np.concatenate(spans)


class Timing(TypedDict):
    """The fields of a Progress that each stage adds to."""

    stage_ms: dict[str, float]
    engine_ms: float


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """A target's way so far; `jobs.readings` finds the objects of `readings` in it."""

    english: tuple[str, ...] = ()
    """Whisper's own translation, segment by segment, where the route starts with it."""
    english_by: str = ""
    back_translation_chrf: float | None = None
    sentence_spans_s: tuple[tuple[float, float], ...] = ()
    """Start and end in the recording of each translated sentence."""
    readings: tuple[Reading, ...] = ()
    stage_ms: dict[str, float] = {}
    """How long it was in each stage: all of the batches that it was in."""
    engine_ms: float = 0.0
    """What engines worked for it: of each batch its share."""
    cached_stages: tuple[str, ...] = ()

    def timed(self, stage: str, elapsed_s: float, engine_s: float = 0.0) -> Timing:
        """Return the times with those of one more run of a stage; repeated attempts add up."""
        return {
            "stage_ms": {**self.stage_ms, stage: round(self.stage_ms.get(stage, 0.0) + 1000 * elapsed_s, 1)},
            "engine_ms": round(self.engine_ms + 1000 * engine_s, 1),
        }
