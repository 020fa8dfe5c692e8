"""Improves a matched voice in the background: speaks short probes, hears them with the encoder, keeps the best.

Each probe returns a whole embedding, not only a score, so the search is Broyden's (1965) rather than a random walk:
it keeps an estimate of how the embedding moves with the timbre's weights, steps to where the residual should vanish,
and corrects the estimate by what it heard. Only the timbre moves; pitch and MFCC distance are never looked at, so
that they can judge the result.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from appliance.clock import Clock, SystemClock
from appliance.engines.kokoro_styles import StockFacts, make_voice
from appliance.engines.protocols import Samples, SpeakerEncoder, SpeakRequest, Speech, Synthesizer, Voice
from appliance.errors import MeeshyError
from appliance.voices.bounded_step import bounded_step
from appliance.voices.growth import Level
from appliance.voices.measures import to_speech_rate

PROBES: dict[str, tuple[str, ...]] = {
    "en": (
        "We could meet on Thursday and talk about it over coffee.",
        "The blue house behind the school belongs to my uncle.",
        "Just give me a short call when you leave the office.",
        "My sister has found a small flat near the old station.",
        "They will open the new shop at the end of the month.",
        "Could you bring some bread and apples on your way home?",
    ),
    "es": (
        "Podemos vernos el jueves y hablar de todo con un café.",
        "La casa azul detrás de la escuela es de mi tío.",
        "Llámame un momento cuando salgas de la oficina.",
        "Mi hermana ha encontrado un piso pequeño cerca de la vieja estación.",
        "Van a abrir la tienda nueva a finales de mes.",
        "¿Puedes traer pan y manzanas cuando vuelvas a casa?",
    ),
    "fr": (
        "On peut se voir jeudi et en parler autour d'un café.",
        "La maison bleue derrière l'école est à mon oncle.",
        "Passe-moi un petit coup de fil quand tu quittes le bureau.",
        "Ma sœur a trouvé un petit appartement près de la vieille gare.",
        "Ils vont ouvrir le nouveau magasin à la fin du mois.",
        "Tu peux rapporter du pain et des pommes en rentrant ?",
    ),
    "hi": (
        "हम गुरुवार को मिलकर चाय पर बात कर सकते हैं।",
        "स्कूल के पीछे वाला नीला घर मेरे चाचा का है।",
        "दफ़्तर से निकलते समय मुझे एक फ़ोन कर देना।",
        "मेरी बहन को पुराने स्टेशन के पास एक छोटा घर मिला है।",
        "वे महीने के अंत में नई दुकान खोलेंगे।",
        "घर आते समय थोड़ी रोटी और सेब ले आना।",
    ),
    "it": (
        "Possiamo vederci giovedì e parlarne davanti a un caffè.",
        "La casa azzurra dietro la scuola è di mio zio.",
        "Fammi una telefonata quando esci dall'ufficio.",
        "Mia sorella ha trovato un piccolo appartamento vicino alla vecchia stazione.",
        "Apriranno il nuovo negozio alla fine del mese.",
        "Puoi portare del pane e delle mele quando torni a casa?",
    ),
    "pt": (
        "Podemos nos ver na quinta e conversar tomando um café.",
        "A casa azul atrás da escola é do meu tio.",
        "Me liga rapidinho quando você sair do escritório.",
        "Minha irmã encontrou um apartamento pequeno perto da estação velha.",
        "Eles vão abrir a loja nova no fim do mês.",
        "Você pode trazer pão e maçãs quando voltar para casa?",
    ),
}
"""Six short sentences per language; the evaluation speaks others."""

_STEPS: dict[Level, int] = {"basic": 6, "refined": 6, "expert": 9}
_SENTENCES: dict[Level, int] = {"basic": 2, "refined": 4, "expert": 6}
_SLICE_STEPS: dict[Level, int] = {"basic": 3, "refined": 2, "expert": 1}
# A higher level is worth more speaking, and more sentences rather than steps: with two sentences, steps four to twelve
# of an absent voice gained 0.001 on them, and other sentences 0.04 less than they (docs/bench.md).

Guard = Callable[[Speech, str], bool]
"""Says whether an utterance can be understood as the text; it hears only probes that would be kept."""

_FIRST_DAMPING = 0.3
_MAX_DURATION_CHANGE = 0.25


def refine_steps(level: Level) -> int:
    """Return how many steps a profile of that level is worth."""
    return _STEPS[level]


def slice_steps(level: Level) -> int:
    """Return how many steps come between two looks at the queue: about as long as a message takes to be spoken."""
    return _SLICE_STEPS[level]


def refine_probes(level: Level) -> int:
    """Return how many sentences each step speaks for a profile of that level."""
    return _SENTENCES[level]


@dataclass(frozen=True, slots=True)
class Trail:
    """Where a search stands: how the embedding moves with the weights [width, voices], and how its voice was heard."""

    slope: np.ndarray
    heard: np.ndarray
    damping: float
    samples: int
    """Of the first probes: every later one is of about their length."""

    def arrays(self) -> dict[str, np.ndarray]:
        """Return it as arrays by name, to be kept as long as its voice."""
        scalars = np.array([self.damping, self.samples], np.float64)
        return {"slope": self.slope.astype(np.float32), "heard": self.heard.astype(np.float32), "scalars": scalars}

    @classmethod
    def of(cls, arrays: Mapping[str, np.ndarray]) -> "Trail | None":
        """Return what `arrays` gave, None where there is nothing."""
        if not arrays:
            return None
        slope, heard = (arrays[name].astype(np.float64) for name in ("slope", "heard"))
        return cls(slope, heard, float(arrays["scalars"][0]), int(arrays["scalars"][1]))


@dataclass(frozen=True, slots=True)
class Refinement:
    """The best voice found, its probe's similarity to the reference before and after, and the number of probes."""

    voice: Voice
    similarity_before: float
    similarity_after: float
    probes: int
    trail: Trail | None = None
    """With it the search goes on where it stopped."""


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
    trail: Trail | None = None,
    clock: Clock | None = None,
) -> Refinement:
    """Return a voice whose probes are at least as similar to the speaker as the start's, within steps and seconds.

    The speaker is `goal`, a unit embedding, or where there is none the embedding of a 16 kHz reference. Each step
    speaks the language's first `probes` sentences: one is quick, more fit the voice less to one text. The same
    arguments give the same voice as long as the budget is not what ends the search. `exclude` names stock voices that
    must stay out. A step is never kept when the length of its probes differs by more than 25 % from the first ones' or
    when the guard refuses one. The search starts from whichever of `start_voice` and `rivals` sounds most like the
    speaker. With the `trail` of a search of as many sentences that came to `start_voice` it goes on where that one
    stopped, and neither that voice nor rivals are spoken first. Raises the encoder's or the synthesizer's error where
    the reference or such a voice cannot be used.
    """
    now_s = (clock or SystemClock()).monotonic_s
    ends_s = now_s() + budget_s
    aim = _embedding(encoder, reference) if goal is None else np.asarray(goal, np.float64)
    probe = _Probe(synthesizer, encoder, language, probes)
    usable = np.array([name not in exclude for name in facts.names])
    best, first, at, begun = _begun(probe, aim, (start_voice, *rivals), facts.embeddings.T * usable, trail)
    slope, heard, damping, length = at.slope.copy(), at.heard, at.damping, at.samples
    similarity, done = float(heard @ aim), begun
    while done < steps + begun and now_s() < ends_s:
        weights = best.arrays["timbre"].astype(np.float64)
        move = bounded_step(slope, aim - heard, damping, usable, weights)
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
    return Refinement(best, first, similarity, done, Trail(slope, heard, damping, length))


def _begun(
    probe: "_Probe", aim: np.ndarray, voices: Sequence[Voice], slope: np.ndarray, trail: Trail | None
) -> tuple[Voice, float, Trail, int]:
    """Return the voice to start from, the first voice's similarity, the trail from there, and the probes spoken."""
    if trail is not None:
        return voices[0], float(trail.heard @ aim), trail, 0
    different = {voice.version: voice for voice in voices}
    spoken = [(voice, probe.speak(voice)) for voice in different.values()]
    best, heard = max(spoken, key=lambda found: float(found[1].embedding @ aim))
    begun = Trail(slope, heard.embedding, _FIRST_DAMPING, heard.samples)
    return best, float(spoken[0][1].embedding @ aim), begun, len(spoken)


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
