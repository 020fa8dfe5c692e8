"""Improves a matched voice in the background: speaks short probes, hears them with the encoder, keeps the best.

Each probe returns a whole embedding, not only a score, so the search is Broyden's (1965) rather than a random walk:
it keeps an estimate of how the embedding moves with the timbre's weights, steps to where the residual should vanish,
and corrects the estimate by what it heard. Only the timbre moves; pitch and MFCC distance are never looked at, so
that they can judge the result.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from appliance.clock import Clock, SystemClock
from appliance.engines.kokoro_styles import StockFacts, make_voice
from appliance.engines.protocols import Samples, SpeakerEncoder, SpeakRequest, Speech, Synthesizer, Voice
from appliance.errors import MeeshyError
from appliance.voices.growth import Level
from appliance.voices.measures import to_speech_rate

PROBES: dict[str, tuple[str, ...]] = {
    "en": (
        "We could meet on Thursday and talk about it over coffee.",
        "The blue house behind the school belongs to my uncle.",
        "Just give me a short call when you leave the office.",
    ),
    "es": (
        "Podemos vernos el jueves y hablar de todo con un café.",
        "La casa azul detrás de la escuela es de mi tío.",
        "Llámame un momento cuando salgas de la oficina.",
    ),
    "fr": (
        "On peut se voir jeudi et en parler autour d'un café.",
        "La maison bleue derrière l'école est à mon oncle.",
        "Passe-moi un petit coup de fil quand tu quittes le bureau.",
    ),
    "hi": (
        "हम गुरुवार को मिलकर चाय पर बात कर सकते हैं।",
        "स्कूल के पीछे वाला नीला घर मेरे चाचा का है।",
        "दफ़्तर से निकलते समय मुझे एक फ़ोन कर देना।",
    ),
    "it": (
        "Possiamo vederci giovedì e parlarne davanti a un caffè.",
        "La casa azzurra dietro la scuola è di mio zio.",
        "Fammi una telefonata quando esci dall'ufficio.",
    ),
    "pt": (
        "Podemos nos ver na quinta e conversar tomando um café.",
        "A casa azul atrás da escola é do meu tio.",
        "Me liga rapidinho quando você sair do escritório.",
    ),
}
"""Three short sentences per language; the evaluation speaks others."""

_STEPS: dict[Level, int] = {"basic": 6, "refined": 12, "expert": 24}
_SENTENCES: dict[Level, int] = {"basic": 2, "refined": 2, "expert": 3}
# Set, not measured: a higher level is worth more speaking, and a search of more steps fits its sentences more closely.

Guard = Callable[[Speech, str], bool]
"""Says whether an utterance can be understood as the text; it hears only probes that would be kept."""

_FIRST_DAMPING = 0.3
_MAX_STEP = 0.35
_MAX_WEIGHT = 2.0
_MOST_ITERATIONS, _CONVERGED = 500, 1e-6
_MAX_DURATION_CHANGE = 0.25


def refine_steps(level: Level) -> int:
    """Return how many steps a profile of that level is worth."""
    return _STEPS[level]


def refine_probes(level: Level) -> int:
    """Return how many sentences each step speaks for a profile of that level."""
    return _SENTENCES[level]


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
    reference: Samples | None,
    language: str,
    start_voice: Voice,
    *,
    goal: Samples | None = None,
    steps: int = 10,
    probes: int = 1,
    budget_s: float = 60.0,
    exclude: tuple[str, ...] = (),
    guard: Guard | None = None,
    rivals: Sequence[Voice] = (),
    clock: Clock | None = None,
) -> Refinement:
    """Return a voice whose probes are at least as similar to the speaker as the start's, within steps and seconds.

    The speaker is `goal`, a unit embedding, or where there is none the embedding of a 16 kHz reference. Each step
    speaks the language's first `probes` sentences: one is quick, more fit the voice less to one text. The same
    arguments give the same voice as long as the budget is not what ends the search. `exclude` names stock voices that
    must stay out. A step is never kept when the length of its probes differs by more than 25 % from the first ones' or
    when the guard refuses one. The search starts from whichever of `start_voice` and `rivals` sounds most like the
    speaker. Raises the encoder's or the synthesizer's error where the reference or such a voice cannot be used.
    """
    now_s = (clock or SystemClock()).monotonic_s
    ends_s = now_s() + budget_s
    aim = _embedding(encoder, reference) if goal is None else np.asarray(goal, np.float64)
    probe = _Probe(synthesizer, encoder, language, probes)
    others = [voice for voice in rivals if voice.version != start_voice.version]
    spoken_by = [(voice, probe.speak(voice)) for voice in (start_voice, *others)]
    first = float(spoken_by[0][1].embedding @ aim)
    best, spoken = max(spoken_by, key=lambda found: float(found[1].embedding @ aim))
    heard, length = spoken.embedding, spoken.samples
    similarity = float(heard @ aim)
    usable = np.array([name not in exclude for name in facts.names])
    slope = facts.embeddings.T * usable
    damping, done = _FIRST_DAMPING, len(spoken_by)
    while done < steps + len(spoken_by) and now_s() < ends_s:
        weights = best.arrays["timbre"].astype(np.float64)
        move = _step(slope, aim - heard, damping, usable, weights)
        moved = make_voice("matched", weights + move, best.arrays["prosody"], best.parameters)
        spoken = probe.speak(moved)
        done += 1
        slope += np.outer((spoken.embedding - heard) - slope @ move, move) / max(float(move @ move), 1e-9)
        score = float(spoken.embedding @ aim)
        same_length = abs(spoken.samples / length - 1) <= _MAX_DURATION_CHANGE
        if score > similarity and same_length and (guard is None or spoken.passes(guard)):
            best, heard, similarity, damping = moved, spoken.embedding, score, damping / 1.5
        else:
            damping *= 3
    return Refinement(best, first, similarity, done)


@dataclass(frozen=True, slots=True)
class _Heard:
    utterances: tuple[tuple[Speech, str], ...]
    embedding: np.ndarray

    @property
    def samples(self) -> int:
        return sum(len(speech.samples) for speech, _ in self.utterances)

    def passes(self, guard: Guard) -> bool:
        return all(guard(speech, text) for speech, text in self.utterances)


class _Probe:
    """Speaks the language's probe sentences and embeds what was said: the mean of the sentences, unit length."""

    def __init__(self, synthesizer: Synthesizer, encoder: SpeakerEncoder, language: str, sentences: int) -> None:
        self._synthesizer = synthesizer
        self._encoder = encoder
        self._language = language
        self._texts = PROBES[language][: max(sentences, 1)]

    def speak(self, voice: Voice) -> _Heard:
        utterances, total = [], np.zeros(())
        requests = [SpeakRequest(text, self._language, voice) for text in self._texts]
        for text, speech in zip(self._texts, self._synthesizer.speak(requests), strict=True):
            if isinstance(speech, MeeshyError):
                raise speech
            utterances.append((speech, text))
            total = total + _embedding(self._encoder, to_speech_rate(speech.samples, speech.rate_hz))
        return _Heard(tuple(utterances), total / np.linalg.norm(total))


def _embedding(encoder: SpeakerEncoder, samples: Samples) -> np.ndarray:
    (found,) = encoder.embed([samples])
    if isinstance(found, MeeshyError):
        raise found
    return np.asarray(found, np.float64)


def _step(
    slope: np.ndarray, residual: np.ndarray, damping: float, usable: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Return the damped least-squares move of the usable weights; it sums to 0 and is bounded.

    Weights may turn negative (away from a voice), which mixing alone cannot reach; _MAX_WEIGHT bounds the sum of
    their sizes, because far outside the stock voices Kokoro slurs. At the bound the move goes along it: a move that is
    only shortened there comes to nothing, and the search stood still from its third step on.
    """
    now, basis = weights[usable], slope[:, usable]
    total, size = (
        float(now.sum()),
        max(_MAX_WEIGHT, float(np.abs(weights).sum())) - float(np.abs(weights[~usable]).sum()),
    )
    curve = basis.T @ basis + damping * np.eye(len(now))
    pull = basis.T @ residual
    pace = float(np.linalg.eigvalsh(curve)[-1])
    # Accelerated projected gradient (Beck and Teboulle, 2009): the set is convex and its projection is exact.
    found = ahead = now
    momentum = 1.0
    for _ in range(_MOST_ITERATIONS):
        moved = _projected(ahead - (curve @ (ahead - now) - pull) / pace, total, size)
        faster = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead = moved + (momentum - 1) / faster * (moved - found)
        done = float(np.abs(moved - found).max()) < _CONVERGED
        found, momentum = moved, faster
        if done:
            break
    move = np.zeros(len(weights))
    move[usable] = found - now
    return move * min(1.0, _MAX_STEP / max(float(np.linalg.norm(move)), 1e-9))


def _projected(weights: np.ndarray, total: float, size: float) -> np.ndarray:
    """Return the nearest weights that sum to `total` and whose sizes sum to at most `size` (at least |total|).

    Where the bound is active, the positive part sums to (size + total) / 2 and the negative one to the rest; each is
    the projection onto a simplex.
    """
    shifted = weights + (total - weights.sum()) / len(weights)
    if np.abs(shifted).sum() <= size:
        return shifted
    return _simplex(weights, (size + total) / 2) - _simplex(-weights, (size - total) / 2)


def _simplex(weights: np.ndarray, total: float) -> np.ndarray:
    """Return the nearest weights ≥ 0 that sum to `total` (Held, Wolfe and Crowder, 1974)."""
    ranked = np.sort(weights)[::-1]
    excess = (np.cumsum(ranked) - total) / np.arange(1, len(ranked) + 1)
    last = np.flatnonzero(ranked > excess)
    return np.maximum(weights - excess[last[-1]], 0.0) if len(last) else np.zeros(len(weights))
