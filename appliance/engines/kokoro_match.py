"""Finds the mixture of stock voices that resembles a speaker: nonnegative least squares, pitch as one more equation."""

from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import nnls

from appliance.engines.kokoro_styles import StockFacts

NATIVE_PROSODY = {"fr": 0.35, "hi": 0.35, "it": 0.35, "pt": 0.35}
"""Languages in which mixtures of mostly English voices are misheard without a native share.

Whisper base, four sentences of two speakers: French WER 0.34 without and 0.13 with it at the same similarity, more of
it or a share in the timbre gained nothing; Spanish 0.00 without. Hindi, Italian and Portuguese are taken to be like
French and were not measured.
"""


@dataclass(frozen=True, slots=True)
class MatchSettings:
    """How far a match may go from the stock voices."""

    native_timbre: float = 0.0
    """Least share of a native voice of the target language in the timbre."""
    native_prosody: float | None = None
    """Least share in the prosody; None takes the language's own of NATIVE_PROSODY."""
    pitch_weight: float = 0.15
    """Weight of one semitone off the speaker's median pitch against a unit of embedding distance."""
    gain: float = 1.0
    """How far the timbre goes from the mean voice, 1 as mixed; mixing averages what sets voices apart."""
    speed: float = 0.93
    """Mixtures articulate less than the voices they are made of; a little slower is understood better."""
    exclude: tuple[str, ...] = field(default=())
    """Stock voices left out of the basis (evaluation with a stock voice as the speaker)."""


@dataclass(frozen=True, slots=True)
class Mixture:
    """Weights over all stock voices for the two halves of the style; each sums to 1."""

    timbre: np.ndarray
    prosody: np.ndarray


def match_speaker(
    embedding: np.ndarray, f0_hz: float | None, language: str, facts: StockFacts, settings: MatchSettings
) -> Mixture:
    """Return the mixture for a speaker's unit embedding [256] and median pitch (None: unknown).

    The timbre solves for the embedding alone. The prosody also for the pitch: F0 of a mixture is close to the
    geometric mean of its voices', so semitones are linear in the weights and the native share's own pitch is
    compensated by the rest.
    """
    usable = np.array([name not in settings.exclude for name in facts.names])
    native = _native(embedding, language, facts, usable)
    semitones = np.zeros(len(usable)) if f0_hz is None else 12 * np.log2(facts.f0_hz / f0_hz)
    pitch_weight = 0.0 if f0_hz is None else settings.pitch_weight
    share = NATIVE_PROSODY.get(language, 0.0) if settings.native_prosody is None else settings.native_prosody
    timbre = _mix(embedding, facts, usable, native, settings.native_timbre, semitones, 0.0)
    prosody = _mix(embedding, facts, usable, native, share, semitones, pitch_weight)
    mean = usable / usable.sum()
    return Mixture(mean + settings.gain * (timbre - mean), prosody)


def _native(embedding: np.ndarray, language: str, facts: StockFacts, usable: np.ndarray) -> int | None:
    """Return the usable native voice that resembles the speaker most, None where the language has none left."""
    natives = [n for n in facts.natives(language) if usable[n]]
    return max(natives, key=lambda n: float(facts.embeddings[n] @ embedding)) if natives else None


def _mix(
    embedding: np.ndarray,
    facts: StockFacts,
    usable: np.ndarray,
    native: int | None,
    floor: float,
    semitones: np.ndarray,
    pitch_weight: float,
) -> np.ndarray:
    """Return weights ≥ 0 [voices] that sum to 1, the native one's at least `floor`."""
    fixed = np.zeros(len(usable))
    if native is not None:
        fixed[native] = floor
    basis = np.vstack([facts.embeddings.T, pitch_weight * semitones]) * usable
    goal = np.append(embedding, 0.0) - basis @ fixed
    free, _ = nnls(basis, goal)
    if free.sum() <= 0:
        free = usable.astype(np.float64)  # unlike all of them: the mean voice
    return fixed + (1 - fixed.sum()) * free / free.sum()
