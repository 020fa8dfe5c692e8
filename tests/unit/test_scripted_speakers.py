"""Scripted people can be told apart, and their recordings pass for speech."""

import numpy as np
import pytest

from appliance.audio.pcm import pcm_of, samples_of
from appliance.engines.protocols import SpeakRequest, TranscribeRequest
from appliance.errors import EngineFailed
from appliance.testing.engines import ScriptedTranscriber, scripted_speech
from appliance.testing.speakers import (
    FaithfulSynthesizer,
    SpeakerByRemainder,
    heard_speaker,
    number_of,
    spoken_by,
)
from appliance.voices.judging import judge
from appliance.voices.same_speaker import same_speaker


def test_a_recording_holds_its_text_and_its_speaker():
    sound = samples_of(pcm_of(spoken_by("hello there", "alice")))
    (heard,) = ScriptedTranscriber().transcribe([TranscribeRequest(sound)])
    assert heard.text == "hello there"
    assert heard_speaker(sound) == heard_speaker(sound[20000:30000]) == number_of("alice")


def test_nobody_is_heard_in_plain_scripted_speech_and_in_two_people():
    assert heard_speaker(scripted_speech("hello")) is None
    both = np.concatenate([spoken_by("hello", "alice"), spoken_by("hello", "bob")])
    assert heard_speaker(both) is None


def test_one_person_is_similar_and_another_is_not():
    encoder = SpeakerByRemainder()
    one, again, other = encoder.embed(
        [spoken_by("hello", "alice"), spoken_by("good bye", "alice"), spoken_by("hello", "bob")]
    )
    assert same_speaker(one, again) and not same_speaker(one, other)
    assert 0.95 < float(one @ again) < 1.0


def test_a_recording_passes_as_a_sample():
    sound = spoken_by("hello", "alice", 12.0)
    found = judge(sound, [(0.0, len(sound) / 16000)], SpeakerByRemainder())
    assert found.faults == ()
    assert found.speech_s > 10


def test_a_voice_speaks_as_whom_it_was_matched_to_and_of_one_person_alone():
    synthesizer = FaithfulSynthesizer()
    voice = synthesizer.match_voice([spoken_by("a", "alice"), spoken_by("b", "alice")], "fr")
    (spoken,) = synthesizer.speak([SpeakRequest("fr:hello", "fr", voice)])
    assert heard_speaker(spoken.samples) == number_of("alice")
    with pytest.raises(EngineFailed):
        synthesizer.match_voice([spoken_by("a", "alice"), spoken_by("b", "bob")], "fr")
