"""The fakes that ship: they implement the real protocols and do what their tests rely on."""

import numpy as np
import pytest

from appliance.audio.pcm import pcm_of, samples_of
from appliance.engines.protocols import SpeakRequest, TranscribeRequest, TranslateRequest
from appliance.errors import EngineFailed, NoRoute
from appliance.testing.clock import FrozenClock
from appliance.testing.engines import (
    ScriptedEncoder,
    ScriptedSynthesizer,
    ScriptedTranscriber,
    ScriptedTranslator,
    scripted_speech,
)


def hear(samples, **asked):
    return ScriptedTranscriber().transcribe([TranscribeRequest(samples, **asked)])[0]


@pytest.mark.parametrize("text", ["good morning", "où êtes-vous ?", "x"])
def test_scripted_speech_is_heard_word_for_word_also_after_storage(text):
    assert hear(scripted_speech(text)).text == text
    assert hear(samples_of(pcm_of(scripted_speech(text)))).text == text


def test_no_text_is_silence_and_no_speech():
    assert not np.any(scripted_speech(""))
    assert hear(scripted_speech("")).no_speech


def test_scripted_speech_is_audible():
    assert np.max(np.abs(scripted_speech("hi"))) > 0.3


def test_poison_fails_its_row_only():
    good, bad = ScriptedTranscriber().transcribe(
        [TranscribeRequest(scripted_speech("good")), TranscribeRequest(scripted_speech("POISON"))]
    )
    assert good.text == "good"
    assert isinstance(bad, EngineFailed)


def test_the_language_given_wins_over_the_scripted_one():
    assert hear(scripted_speech("hola"), language="es").language == "es"
    assert hear(scripted_speech("hola"), task="translate").language == "en"


def test_the_translator_marks_text_with_its_language_and_knows_only_its_pairs():
    translator = ScriptedTranslator(pairs=[("en", "fr")])
    (result,) = translator.translate([TranslateRequest(("good morning",), "en", "fr")])
    assert result.text == "fr:good morning"
    with pytest.raises(NoRoute):
        translator.identity("en", "de")


def test_a_spoiled_seed_is_heard_as_other_words():
    synthesizer = ScriptedSynthesizer(spoiled_seeds=[1])
    voice = synthesizer.stock_voice("fr")
    first, second = synthesizer.speak([SpeakRequest("bonjour", "fr", voice, seed) for seed in (0, 1)])
    assert hear(first.samples).text == "bonjour"
    assert hear(second.samples).text != "bonjour"


def test_a_matched_voice_differs_between_speakers():
    synthesizer = ScriptedSynthesizer()
    versions = {synthesizer.match_voice([scripted_speech(who)], "fr").version for who in ("alice", "bob")}
    assert len(versions) == 2


def test_the_encoder_gives_unit_vectors():
    (embedding,) = ScriptedEncoder().embed([scripted_speech("hello")])
    assert np.linalg.norm(embedding) == pytest.approx(1.0)


def test_the_frozen_clock_moves_only_when_told():
    clock = FrozenClock(10.0)
    assert clock.now_s() == clock.now_s() == 10.0
    clock.advance(2.5)
    assert clock.monotonic_s() == 12.5
