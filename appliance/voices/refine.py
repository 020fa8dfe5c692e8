"""Improves a matched voice in the background: speaks short probes, hears them with the encoder, keeps the best.

Each probe returns a whole embedding, not only a score, so the search is Broyden's (1965) rather than a random walk:
it keeps an estimate of how the embedding moves with the timbre's weights, steps to where the residual should vanish,
and corrects the estimate by what it heard. Only the timbre moves; pitch and MFCC distance are never looked at, so
that they can judge the result.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from appliance.clock import Clock, SystemClock
from appliance.engines.kokoro_styles import StockFacts, make_voice
from appliance.engines.protocols import Samples, SpeakerEncoder, SpeakRequest, Speech, Synthesizer, Voice
from appliance.errors import MeeshyError
from appliance.voices.measures import to_speech_rate

PROBES = {
    "en": "We could meet on Thursday and talk about it over coffee.",
    "es": "Podemos vernos el jueves y hablar de todo con un café.",
    "fr": "On peut se voir jeudi et en parler autour d'un café.",
    "hi": "हम गुरुवार को मिलकर चाय पर बात कर सकते हैं।",
    "it": "Possiamo vederci giovedì e parlarne davanti a un caffè.",
    "pt": "Podemos nos ver na quinta e conversar tomando um café.",
}
"""One short sentence per language; the evaluation speaks others."""

Guard = Callable[[Speech, str], bool]
"""Says whether an utterance can be understood as the text; it hears only probes that would be kept."""

_FIRST_DAMPING = 0.3
_MAX_STEP = 0.35
_MAX_WEIGHT = 2.0
_MAX_DURATION_CHANGE = 0.25


@dataclass(frozen=True, slots=True)
class Refinement:
    """The best voice found, its probe's similarity to the reference before and after, and the number of probes."""

    voice: Voice
    similarity_before: float
    similarity_after: float
    probes: int


def refine(
    synthesizer: Synthesizer,
    encoder: SpeakerEncoder,
    facts: StockFacts,
    reference: Samples,
    language: str,
    start_voice: Voice,
    *,
    steps: int = 10,
    budget_s: float = 60.0,
    exclude: tuple[str, ...] = (),
    guard: Guard | None = None,
    clock: Clock | None = None,
) -> Refinement:
    """Return a voice whose probe is at least as similar to a 16 kHz reference as the start's, within steps and seconds.

    The same arguments give the same voice as long as the budget is not what ends the search. `exclude` names stock
    voices that must stay out. A probe is never kept when its length differs by more than 25 % from the first one's or
    when the guard refuses it. Raises the encoder's or the synthesizer's error where the reference or the start voice
    cannot be used.
    """
    now_s = (clock or SystemClock()).monotonic_s
    ends_s = now_s() + budget_s
    goal = _embedding(encoder, reference)
    probe = _Probe(synthesizer, encoder, language)
    best, spoken = start_voice, probe.speak(start_voice)
    heard, length = spoken.embedding, len(spoken.speech.samples)
    first = similarity = float(heard @ goal)
    usable = np.array([name not in exclude for name in facts.names])
    slope = facts.embeddings.T * usable
    damping, done = _FIRST_DAMPING, 1
    while done <= steps and now_s() < ends_s:
        weights = best.arrays["timbre"].astype(np.float64)
        move = _step(slope, goal - heard, damping, usable, weights)
        moved = make_voice("matched", weights + move, best.arrays["prosody"], best.parameters)
        spoken = probe.speak(moved)
        done += 1
        slope += np.outer((spoken.embedding - heard) - slope @ move, move) / max(float(move @ move), 1e-9)
        score = float(spoken.embedding @ goal)
        same_length = abs(len(spoken.speech.samples) / length - 1) <= _MAX_DURATION_CHANGE
        if score > similarity and same_length and (guard is None or guard(spoken.speech, probe.text)):
            best, heard, similarity, damping = moved, spoken.embedding, score, damping / 1.5
        else:
            damping *= 3
    return Refinement(best, first, similarity, done)


@dataclass(frozen=True, slots=True)
class _Heard:
    speech: Speech
    embedding: np.ndarray


class _Probe:
    """Speaks the language's probe sentence and embeds it."""

    def __init__(self, synthesizer: Synthesizer, encoder: SpeakerEncoder, language: str) -> None:
        self._synthesizer = synthesizer
        self._encoder = encoder
        self._language = language
        self.text = PROBES[language]

    def speak(self, voice: Voice) -> _Heard:
        (speech,) = self._synthesizer.speak([SpeakRequest(self.text, self._language, voice)])
        if isinstance(speech, MeeshyError):
            raise speech
        return _Heard(speech, _embedding(self._encoder, to_speech_rate(speech.samples, speech.rate_hz)))


def _embedding(encoder: SpeakerEncoder, samples: Samples) -> np.ndarray:
    (found,) = encoder.embed([samples])
    if isinstance(found, MeeshyError):
        raise found
    return np.asarray(found, np.float64)


def _step(
    slope: np.ndarray, residual: np.ndarray, damping: float, usable: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Return the damped least-squares move of the weights; it sums to 0 and is bounded.

    Weights may turn negative (away from a voice), which mixing alone cannot reach; _MAX_WEIGHT bounds the sum of
    their sizes, because far outside the stock voices Kokoro slurs.
    """
    centred = slope - slope[:, usable].mean(axis=1, keepdims=True) * usable
    move = np.linalg.solve(centred.T @ centred + damping * np.eye(len(weights)), centred.T @ residual) * usable
    move -= usable * move.sum() / usable.sum()
    move *= min(1.0, _MAX_STEP / max(float(np.linalg.norm(move)), 1e-9))
    while np.abs(weights + move).sum() > max(_MAX_WEIGHT, np.abs(weights).sum()) and np.abs(move).sum() > 1e-6:
        move *= 0.7
    return move
