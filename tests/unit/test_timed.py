"""The timed engines wait as long as the publications say that they cite."""

import numpy as np
import pytest

from appliance.engines.protocols import SPEECH_RATE_HZ, SpeakRequest, TranscribeRequest, TranslateRequest
from appliance.testing import timed as timing
from appliance.testing.engines import scripted_speech
from appliance.testing.timed import TimedSynthesizer, TimedTranscriber, TimedTranslator


@pytest.fixture
def slept_s(monkeypatch):
    """Collect what would be slept."""
    found = []
    monkeypatch.setattr(timing.time, "sleep", found.append)
    return found


def clip(seconds: float) -> TranscribeRequest:
    said = scripted_speech("hello")
    return TranscribeRequest(np.concatenate((said, np.zeros(round(seconds * SPEECH_RATE_HZ) - len(said), np.float32))))


def test_a_clip_alone_is_heard_forty_times_as_fast_as_it_was_spoken_and_many_together_two_hundred_times(slept_s):
    TimedTranscriber().transcribe([clip(7.0)])
    TimedTranscriber().transcribe([clip(7.0)] * 1000)
    assert 7.0 / slept_s[0] == pytest.approx(39.5)
    assert 7000.0 / slept_s[1] == pytest.approx(200.2, rel=0.01)


def test_a_sentence_alone_takes_a_quarter_of_its_length_and_among_thirty_six_a_fiftieth(slept_s):
    synthesizer = TimedSynthesizer()
    text = "a" * 150  # ten seconds of speech
    request = SpeakRequest(text, "fr", synthesizer.stock_voice("fr"), 0)
    synthesizer.speak([request])
    synthesizer.speak([request] * 36)
    assert slept_s[0] / 10 == pytest.approx(0.25)
    assert slept_s[1] / (36 * 10) == pytest.approx(0.02)


def test_the_longest_of_a_batch_decides_how_long_it_is_spoken(slept_s):
    synthesizer = TimedSynthesizer()
    voice = synthesizer.stock_voice("fr")
    synthesizer.speak([SpeakRequest("a" * 150, "fr", voice, 0), SpeakRequest("a" * 15, "fr", voice, 0)])
    synthesizer.speak([SpeakRequest("a" * 150, "fr", voice, 0)] * 2)
    assert slept_s[0] == pytest.approx(slept_s[1])


def test_a_call_for_translation_costs_more_than_its_text(slept_s):
    TimedTranslator().translate([TranslateRequest(("a" * 40,), "en", "fr")])
    TimedTranslator().translate([TranslateRequest(("a" * 40,), "en", "fr")] * 32)
    alone_s, together_s = slept_s
    assert 0.02 < alone_s < 0.05
    assert together_s < 2 * alone_s
