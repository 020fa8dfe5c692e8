"""A voice is computed once and travels with each request; nobody's is left in the process."""

import numpy as np
import pytest

from appliance.engines.protocols import SpeakRequest, Speech
from appliance.errors import EngineFailed
from appliance.voices.serialise import from_bytes, to_bytes
from tests.xtts.conftest import speaker

pytestmark = pytest.mark.xtts


def test_a_voice_is_cloned_from_several_recordings_and_named_by_its_content(greedy):
    voice = greedy.match_voice([speaker(1, 1.0), speaker(1, 0.6)], "en")
    again = greedy.match_voice([speaker(1, 1.0), speaker(1, 0.6)], "fr")
    fewer = greedy.match_voice([speaker(1, 1.2)], "en")

    assert voice.kind == "cloned" and voice.engine == "xtts"
    assert voice.arrays["gpt_cond_latents"].shape == (1, 32, 64)
    assert voice.arrays["speaker_embedding"].shape == (1, 512, 1)
    assert all(array.dtype == np.float32 for array in voice.arrays.values())
    assert voice.version == again.version != fewer.version
    assert from_bytes(to_bytes(voice)).version == voice.version


def test_the_next_sentence_computes_no_conditioning(greedy):
    voice = greedy.match_voice([speaker(2)], "en")
    before = greedy.status()
    for text in ("hello", "please wait", "i will be late"):
        greedy.speak([SpeakRequest(text, "en", voice)])
    [*greedy.stream(SpeakRequest("hello", "en", voice))]
    after = greedy.status()

    assert after["conditionings"] == before["conditionings"]
    assert after["utterances"] - before["utterances"] == 4


def test_ten_speakers_interleaved_sound_exactly_as_each_alone(greedy, voices):
    texts = ("hello i will be late", "please wait for me at the station")
    alone = {
        (number, text): greedy.speak([SpeakRequest(text, "en", voice)])[0].samples
        for number, voice in enumerate(voices)
        for text in texts
    }
    mixed = [(number, text) for text in texts for number in range(len(voices))]

    spoken = greedy.speak([SpeakRequest(text, "en", voices[number]) for number, text in mixed])

    for key, speech in zip(mixed, spoken, strict=True):
        assert np.abs(speech.samples - alone[key]).max() <= 1e-6
        others = [alone[number, key[1]] for number in range(len(voices)) if number != key[0]]
        assert all(len(other) != len(speech.samples) or np.abs(other - speech.samples).max() > 1e-3 for other in others)


def test_a_voice_goes_through_a_process_that_never_saw_its_recordings(greedy, drawing, voices):
    spoken = drawing.speak([SpeakRequest("hello", "en", voices[4])])[0]
    assert isinstance(spoken, Speech)
    assert drawing.status()["conditionings"] == 0


def test_a_stock_voice_comes_with_the_weights(greedy):
    ada, ben = greedy.stock_voice("en"), greedy.stock_voice("fr", "Ben")
    assert (ada.kind, ben.kind) == ("stock", "stock") and ada.version != ben.version
    with pytest.raises(EngineFailed, match="no stock voice"):
        greedy.stock_voice("en", "Nobody")


def test_recordings_under_a_second_are_refused(greedy):
    with pytest.raises(EngineFailed, match="too short"):
        greedy.match_voice([speaker(0, 0.5), speaker(0, 0.3)], "en")
