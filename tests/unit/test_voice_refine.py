"""The search keeps what sounds more like the speaker and stops when told to."""

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from appliance.engines.kokoro_styles import StockFacts, make_voice
from appliance.engines.protocols import EngineIdentity, Samples, SpeakRequest, Speech, Voice
from appliance.errors import EngineFailed, MeeshyError, NoSpeech
from appliance.voices.refine import _MAX_WEIGHT, _projected, _step, refine

VOICES, WIDTH = 6, 12
CHANCE = np.random.default_rng(3)
TRUE = CHANCE.uniform(0, 1, (WIDTH, VOICES))
FACTS = StockFacts(
    tuple(f"af_{n}" for n in range(VOICES)),
    (TRUE + CHANCE.normal(0, 0.1, TRUE.shape)).T,
    np.full(VOICES, 150.0),
    "",
    "",
)
SPEAKER = TRUE @ np.array([0.0, 0.6, 0.0, 0.5, 0.1, -0.2])
START = make_voice("matched", np.full(VOICES, 1 / VOICES), np.eye(VOICES)[2])


class LinearSynthesizer:
    """A speaker whose sound is a bent linear function of the weights; its samples are the sound, one number each."""

    def __init__(self, longer: float = 0.0) -> None:
        self.spoken: list[Voice] = []
        self._longer = longer

    def identity(self) -> EngineIdentity:
        return EngineIdentity("linear", "toy", "0" * 64)

    def languages(self) -> frozenset[str]:
        return frozenset({"en"})

    def stock_voice(self, language: str) -> Voice:
        return START

    def match_voice(self, references: Sequence[Samples], language: str, embedding: Samples | None = None) -> Voice:
        return START

    def stream(self, request: SpeakRequest) -> Iterator[Speech]:
        for speech in self.speak([request]):
            if isinstance(speech, Speech):
                yield speech

    def speak(self, batch: Sequence[SpeakRequest]) -> list[Speech | MeeshyError]:
        said: list[Speech | MeeshyError] = []
        for request in batch:
            self.spoken.append(request.voice)
            sound = TRUE @ request.voice.arrays["timbre"]
            repeats = 100 + int(self._longer * 100 * (len(self.spoken) > 1))
            said.append(Speech(np.tile((sound + 0.1 * sound**2).astype(np.float32), repeats), 16_000))
        return said


class FirstSamplesEncoder:
    """Hears the first samples as the speaker's embedding."""

    def identity(self) -> EngineIdentity:
        return EngineIdentity("first", "toy", "0" * 64)

    def embed(self, clips: Sequence[Samples]) -> list[Samples | MeeshyError]:
        return [
            clip[:WIDTH] / np.linalg.norm(clip[:WIDTH]) if np.any(clip) else NoSpeech()
            for clip in map(np.asarray, clips)
        ]


def search(synthesizer: LinearSynthesizer, **options: object):
    return refine(synthesizer, FirstSamplesEncoder(), FACTS, SPEAKER, "en", START, **options)


def test_the_search_comes_closer_to_the_speaker_and_leaves_the_prosody_alone() -> None:
    found = search(LinearSynthesizer(), steps=8)
    assert found.similarity_after > found.similarity_before + 0.5 * (1 - found.similarity_before)
    assert np.array_equal(found.voice.arrays["prosody"], START.arrays["prosody"])
    assert found.voice.arrays["timbre"].sum() == pytest.approx(1, abs=1e-5)
    assert found.probes == 9


def test_a_known_embedding_is_the_goal_and_no_reference_is_needed() -> None:
    goal = (SPEAKER / np.linalg.norm(SPEAKER)).astype(np.float32)
    found = refine(LinearSynthesizer(), FirstSamplesEncoder(), FACTS, None, "en", START, goal=goal, steps=6)
    same = search(LinearSynthesizer(), steps=6)
    assert found.similarity_after == pytest.approx(same.similarity_after, abs=1e-6)
    assert np.allclose(found.voice.arrays["timbre"], same.voice.arrays["timbre"], atol=1e-4)


def test_each_step_speaks_as_many_sentences_as_asked_for_and_the_guard_hears_each() -> None:
    synthesizer, heard = LinearSynthesizer(), []
    found = search(synthesizer, steps=3, probes=2, guard=lambda speech, text: heard.append(text) or True)
    assert len(synthesizer.spoken) == 2 * found.probes == 8
    assert heard and len(set(heard)) == 2


def test_the_same_search_gives_the_same_voice() -> None:
    assert search(LinearSynthesizer(), steps=4).voice.version == search(LinearSynthesizer(), steps=4).voice.version


def test_the_search_starts_from_the_rival_that_sounds_nearer_and_speaks_the_same_voice_once() -> None:
    near = search(LinearSynthesizer(), steps=8).voice
    synthesizer = LinearSynthesizer()
    found = search(synthesizer, steps=0, rivals=[near, START])
    assert found.voice is near and found.similarity_after > found.similarity_before
    assert len(synthesizer.spoken) == found.probes == 2
    assert (
        search(
            LinearSynthesizer(), steps=0, rivals=[make_voice("matched", np.eye(VOICES)[0], near.arrays["prosody"])]
        ).voice
        is START
    )


def test_rivals_cost_no_steps() -> None:
    found = search(LinearSynthesizer(), steps=4, rivals=[make_voice("matched", np.eye(VOICES)[0], np.eye(VOICES)[2])])
    assert found.probes == 2 + 4


def test_at_the_bound_of_the_weights_the_search_goes_along_it() -> None:
    chance = np.random.default_rng(2)
    beyond = chance.normal(0, 0.6, VOICES)
    beyond += (1 - beyond.sum()) / VOICES
    goal = TRUE @ beyond / np.linalg.norm(TRUE @ beyond)
    found = refine(LinearSynthesizer(), FirstSamplesEncoder(), FACTS, None, "en", START, goal=goal, steps=8)

    tried = np.stack([_projected(beyond + chance.normal(0, 0.5, VOICES), 1.0, _MAX_WEIGHT) for _ in range(5000)])
    sounds = tried @ TRUE.T
    sounds += 0.1 * sounds**2
    best = float((sounds @ goal / np.linalg.norm(sounds, axis=1)).max())
    assert np.abs(beyond).sum() > 1.5 * _MAX_WEIGHT
    assert np.abs(found.voice.arrays["timbre"]).sum() == pytest.approx(_MAX_WEIGHT, abs=1e-4)
    assert found.similarity_after > best - 0.01


def test_a_step_from_the_bound_is_the_best_one_within_it() -> None:
    chance = np.random.default_rng(8)
    slope, residual = chance.standard_normal((20, 8)), chance.standard_normal(20)
    usable = np.array([True] * 7 + [False])
    weights = np.array([1.2, -0.5, 0.1, 0.1, 0.0, 0.0, 0.0, 0.1])
    move = _step(slope, 0.1 * residual, 0.3, usable, weights)

    def left(move: np.ndarray) -> float:
        return float(np.sum((0.1 * residual - slope @ move) ** 2) + 0.3 * np.sum(move**2))

    assert move.sum() == pytest.approx(0, abs=1e-6) and move[7] == 0
    assert np.abs(weights + move).sum() <= _MAX_WEIGHT + 1e-6
    assert left(move) < left(np.zeros(8))
    for _ in range(300):
        other = np.append(_projected((weights + move)[:7] + 0.05 * chance.standard_normal(7), 0.9, 1.9), 0.1) - weights
        assert left(other) >= left(move) - 1e-6


def test_what_the_guard_refuses_is_never_kept() -> None:
    found = search(LinearSynthesizer(), steps=5, guard=lambda speech, text: False)
    assert found.voice is START and found.similarity_after == found.similarity_before


def test_a_probe_of_another_length_is_never_kept() -> None:
    assert search(LinearSynthesizer(longer=0.5), steps=5).voice is START


def test_an_excluded_voice_stays_at_its_weight() -> None:
    found = search(LinearSynthesizer(), steps=6, exclude=("af_0",))
    assert found.voice.arrays["timbre"][0] == START.arrays["timbre"][0]
    assert found.similarity_after > found.similarity_before


class TickingClock:
    """Ten seconds pass between any two looks at it."""

    def __init__(self) -> None:
        self._now_s = 0.0

    def now_s(self) -> float:
        return self.monotonic_s()

    def monotonic_s(self) -> float:
        self._now_s += 10
        return self._now_s


def test_the_search_ends_when_its_seconds_are_spent() -> None:
    synthesizer = LinearSynthesizer()
    search(synthesizer, steps=100, budget_s=35, clock=TickingClock())
    assert len(synthesizer.spoken) == 4


def test_a_silent_reference_is_the_encoders_error() -> None:
    with pytest.raises(NoSpeech):
        refine(LinearSynthesizer(), FirstSamplesEncoder(), FACTS, np.zeros(WIDTH), "en", START)


def test_a_probe_that_cannot_be_spoken_is_the_synthesizers_error() -> None:
    class Mute(LinearSynthesizer):
        def speak(self, batch: Sequence[SpeakRequest]) -> list[Speech | MeeshyError]:
            return [EngineFailed() for _ in batch]

    with pytest.raises(EngineFailed):
        search(Mute())
