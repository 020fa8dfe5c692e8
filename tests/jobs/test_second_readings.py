"""What another reading changes: the seed always, the voice by what was wrong with the last one."""

import numpy as np

from appliance.engines.protocols import EngineIdentity, Voice
from appliance.jobs.states import TargetState
from appliance.voices.refine import Refinement


def renamed(voice, suffix):
    return Voice(voice.kind, voice.engine, voice.arrays, f"{voice.version}-{suffix}")


class UnlikeEncoder:
    """A speaker encoder to which no two clips are alike."""

    def __init__(self):
        self.heard = 0

    def identity(self):
        return EngineIdentity("scripted-encoder", "unlike", "4" * 64)

    def embed(self, clips):
        self.heard += 1
        return [np.eye(9, dtype=np.float32)[self.heard % 9] for _ in clips]


def attempts_of(bench, job):
    return bench.get(job).targets[0].spoken.receipt["attempts"]


def test_a_misheard_reading_is_followed_by_a_clearer_voice(bench):
    bench.synthesizer = type(bench.synthesizer)(spoiled_seeds=[0])
    bench.engines_change = {"clearer_voice": lambda voice, language: renamed(voice, "clearer")}
    job = bench.submit("good morning", "fr")
    bench.run()
    first, second = attempts_of(bench, job)
    assert second["voice_version"] == first["voice_version"] + "-clearer"
    assert (first["wer"] > 0, second["wer"]) == (True, 0.0)


def test_an_unlike_reading_is_followed_by_a_refined_voice_that_is_searched_once(bench):
    searches = []

    def refine(reference, language, voice):
        searches.append(language)
        return Refinement(renamed(voice, "refined"), 0.5, 0.6, 1)

    bench.engines_change = {"encoder": UnlikeEncoder(), "refine_voice": refine}
    job = bench.submit("good morning", "fr")
    bench.run()
    assert [attempt["voice_version"].endswith("-refined") for attempt in attempts_of(bench, job)] == [False, True, True]
    assert searches == ["fr"]
    assert bench.get(job).targets[0].state is TargetState.NEEDS_REVIEW


def test_a_stock_voice_is_never_searched_for_likeness(bench):
    bench.engines_change = {"encoder": UnlikeEncoder(), "refine_voice": None}
    job = bench.submit("good morning", "fr", voice="stock")
    bench.run()
    assert len(attempts_of(bench, job)) == 1
