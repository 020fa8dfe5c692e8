"""The search keeps what sounds more like the speaker and stops when told to."""

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from appliance.engines.kokoro_styles import DEFAULT_VOICES, StockFacts, make_voice
from appliance.engines.protocols import EngineIdentity, Samples, SpeakRequest, Speech, Voice
from appliance.errors import EngineFailed, MeeshyError, NoSpeech
from appliance.voices.bounded_step import MOST_WEIGHT, projected
from appliance.voices.growth import LEVELS
from appliance.voices.refine import PROBES, Trail, refine, refine_probes, refine_steps, slice_steps

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


def test_a_search_in_slices_comes_to_the_same_voice_and_speaks_nothing_twice() -> None:
    whole, synthesizer = search(LinearSynthesizer(), steps=9), LinearSynthesizer()
    voice, trail, first = START, None, None
    for _ in range(3):
        found = refine(synthesizer, FirstSamplesEncoder(), FACTS, SPEAKER, "en", voice, steps=3, trail=trail)
        first = first or found
        voice, trail = found.voice, Trail.of(found.trail.arrays())
    assert np.allclose(voice.arrays["timbre"], whole.voice.arrays["timbre"], atol=1e-4)
    assert found.similarity_after == pytest.approx(whole.similarity_after, abs=1e-5)
    assert found.similarity_after > first.similarity_after
    assert len(synthesizer.spoken) == whole.probes == 10
    assert Trail.of({}) is None


def test_at_the_bound_of_the_weights_the_search_goes_along_it() -> None:
    chance = np.random.default_rng(2)
    beyond = chance.normal(0, 0.6, VOICES)
    beyond += (1 - beyond.sum()) / VOICES
    goal = TRUE @ beyond / np.linalg.norm(TRUE @ beyond)
    found = refine(LinearSynthesizer(), FirstSamplesEncoder(), FACTS, None, "en", START, goal=goal, steps=8)

    tried = np.stack([projected(beyond + chance.normal(0, 0.5, VOICES), 1.0, MOST_WEIGHT) for _ in range(5000)])
    sounds = tried @ TRUE.T
    sounds += 0.1 * sounds**2
    best = float((sounds @ goal / np.linalg.norm(sounds, axis=1)).max())
    assert np.abs(beyond).sum() > 1.5 * MOST_WEIGHT
    assert np.abs(found.voice.arrays["timbre"]).sum() == pytest.approx(MOST_WEIGHT, abs=1e-4)
    assert found.similarity_after > best - 0.01


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


def test_a_higher_level_speaks_more_in_slices_of_about_one_message() -> None:
    spoken = [refine_probes(level) * refine_steps(level) for level in LEVELS]
    assert spoken == sorted(set(spoken))
    assert {refine_probes(level) * slice_steps(level) for level in LEVELS} <= {6, 8}


def test_every_language_has_the_sentences_that_the_highest_level_speaks() -> None:
    assert set(PROBES) == set(DEFAULT_VOICES)
    for texts in PROBES.values():
        assert len(set(texts)) >= max(refine_probes(level) for level in LEVELS)
