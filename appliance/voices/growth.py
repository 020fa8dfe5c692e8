"""How a voice profile grows: its embedding, its level, the samples that condition an engine, and when to roll back."""

from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np

from appliance.engines.protocols import Samples

Level = Literal["basic", "refined", "expert"]

SESSION_SHARE = 0.2
"""What a session counts in the embedding, whatever its length; the rest is what was known before."""
LEVELS: tuple[Level, ...] = ("basic", "refined", "expert")
LEAST_SPEECH_S: dict[Level, float] = {"basic": 10.0, "refined": 50.0, "expert": 180.0}
LEAST_STABILITY: dict[Level, float] = {"basic": 0.0, "refined": 0.9, "expert": 0.95}
"""A first profile may be one sample, which has no stability. One stock voice reached 0.93 with three samples (10 s); no
calibration on people stands behind the other two limits.
"""
REFERENCE_LEAST_S = 6.0
REFERENCE_MOST_S = 30.0
ALLOWED_NOISE = 0.02
"""What similarity may fall by from version to version: the loss that the bench's growth report allows, not measured."""
_SPLITS = 16
# What is clean is counted in decibels of SNR. These rates are set, not measured: 1 % clipping and 2 kHz of missing band
# count like 10 dB of noise, and so does an embedding 0.2 away from the others'.
_BEST_SNR_DB = 40.0
_BEST_BANDWIDTH_HZ = 7_000.0
_AS_CLEAN_DB = 10.0


class Sample(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What is known of a kept sample; the embedding is the encoder's unit vector of it."""

    id: str
    speech_s: float
    snr_db: float | None
    clipping_ratio: float
    bandwidth_hz: float
    embedding: Samples


def first(samples: Sequence[Sample]) -> Samples:
    """Return the embedding that a profile begins with: the unit mean of its first samples, each by its speech."""
    weights = np.array([sample.speech_s for sample in samples])
    return _unit(weights @ np.stack([np.asarray(sample.embedding, np.float64) for sample in samples]))


def updated(old: Samples, session: Samples) -> Samples:
    """Return normalise(0.8 · old + 0.2 · session), a unit float32 vector; both are unit vectors of one encoder."""
    return _unit((1 - SESSION_SHARE) * np.asarray(old, np.float64) + SESSION_SHARE * np.asarray(session, np.float64))


def level(samples: Sequence[Sample], stability: float) -> Level | None:
    """Return the highest level whose seconds of speech and whose stability are reached, None below the lowest."""
    speech_s = sum(sample.speech_s for sample in samples)
    reached = [name for name in LEVELS if speech_s >= LEAST_SPEECH_S[name] and stability >= LEAST_STABILITY[name]]
    return reached[-1] if reached else None


def stability(samples: Sequence[Sample]) -> float:
    """Return how well halves of the samples agree: the mean similarity of both halves' embeddings, -1 to 1.

    The samples are dealt into halves of about equal speech in sixteen fixed ways, so the answer depends on nothing but
    the samples. A single sample agrees with nothing: 0.
    """
    if len(samples) < 2:
        return 0.0
    ordered = sorted(samples, key=lambda sample: (sample.speech_s, sample.id))
    chance = np.random.default_rng(0)
    found = []
    for _ in range(_SPLITS):
        halves: tuple[list[Sample], list[Sample]] = ([], [])
        for n in chance.permutation(len(ordered)):
            halves[_seconds(halves[0]) > _seconds(halves[1])].append(ordered[n])
        found.append(float(first(halves[0]) @ first(halves[1])))
    return float(np.mean(found))


def reference(samples: Sequence[Sample]) -> list[Sample]:
    """Return the samples that condition an engine, cleanest first: 6 to 30 s of speech out of all of them.

    After six seconds, only samples that are nearly as clean as the best are added. All samples where there are less
    than six seconds. More than 30 s only where no shorter samples come to six: the engine takes the beginning.
    """
    if not samples:
        return []
    centre = first(samples)
    ranked = sorted(samples, key=lambda sample: (-_cleanness_db(sample, centre), sample.id))
    least_db = _cleanness_db(ranked[0], centre) - _AS_CLEAN_DB
    chosen: list[Sample] = []
    for sample in ranked:
        if _seconds(chosen) >= REFERENCE_LEAST_S and _cleanness_db(sample, centre) < least_db:
            break
        if _seconds(chosen) + sample.speech_s <= REFERENCE_MOST_S:
            chosen.append(sample)
    if _seconds(chosen) < REFERENCE_LEAST_S:
        # What is left is longer than an engine hears: it takes the beginning of the cleanest.
        chosen += [sample for sample in ranked if sample not in chosen][:1]
    return chosen


def worse(before: float, after: float) -> bool:
    """Return whether similarity on held-out speech fell by more than versions are allowed to differ by."""
    return after < before - ALLOWED_NOISE


def _cleanness_db(sample: Sample, centre: Samples) -> float:
    snr_db = min(sample.snr_db if sample.snr_db is not None else 0.0, _BEST_SNR_DB)
    missing_khz = max(_BEST_BANDWIDTH_HZ - sample.bandwidth_hz, 0.0) / 1000
    unlike = 1 - float(np.asarray(sample.embedding, np.float64) @ centre)
    return snr_db - 1000 * sample.clipping_ratio - 5 * missing_khz - 50 * unlike


def _seconds(samples: Sequence[Sample]) -> float:
    return sum(sample.speech_s for sample in samples)


def _unit(vector: np.ndarray) -> Samples:
    return (vector / max(float(np.linalg.norm(vector)), 1e-12)).astype(np.float32)
