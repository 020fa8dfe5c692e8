"""What recordings say about their own length, as far as it can be read without decoding them."""

import struct

import pytest

from appliance.audio.declared import said_duration_s
from appliance.audio.encode import encode
from appliance.audio.pcm import pcm_of
from appliance.audio.wav import wav_bytes
from appliance.testing.engines import scripted_speech

RATE_HZ = 16_000
SPEECH = scripted_speech("hello", 3 * RATE_HZ)


def test_a_wav_file_says_it_exactly():
    assert said_duration_s(wav_bytes(pcm_of(SPEECH), RATE_HZ)) == pytest.approx(3.0)


def test_a_wav_file_is_not_believed_beyond_its_bytes():
    recording = bytearray(wav_bytes(pcm_of(SPEECH), RATE_HZ))
    recording[40:44] = struct.pack("<I", 32_000 * 3600)
    assert said_duration_s(bytes(recording)) == pytest.approx(3.0)


def test_ogg_with_opus_says_it_in_its_last_page():
    assert said_duration_s(encode(SPEECH, RATE_HZ, "opus")) == pytest.approx(3.0, abs=0.1)


@pytest.mark.parametrize(
    "recording", [b"", b"RIFF", b"OggS", b"RIFF" + bytes(60), wav_bytes(b""), b"OggS" + bytes(24) + b"OpusHead"]
)
def test_what_is_cut_short_has_no_length(recording):
    assert said_duration_s(recording) is None


@pytest.mark.parametrize("audio_format", ["mp3", "m4a"])
def test_what_would_have_to_be_parsed_has_no_length(audio_format):
    assert said_duration_s(encode(SPEECH, RATE_HZ, audio_format)) is None
