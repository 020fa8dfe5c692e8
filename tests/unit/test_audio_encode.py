import io

import av
import numpy as np
import pytest

from appliance.audio.encode import encode
from appliance.audio.formats import CONTENT_TYPES, FILE_SUFFIXES, FORMATS
from appliance.audio.pcm import samples_of
from appliance.audio.unpacking import unpacked
from appliance.testing.audio_files import voice

RATE_HZ = 24_000
SPEECH = voice(3.0, RATE_HZ)


def decoded(data):
    pcm, recording = unpacked(io.BytesIO(data), 600.0)
    return samples_of(bytes(pcm)), recording


@pytest.mark.parametrize("audio_format", FORMATS)
def test_what_was_encoded_decodes_to_the_same_sound(audio_format):
    samples, recording = decoded(encode(SPEECH, RATE_HZ, audio_format))
    original, _ = decoded(encode(SPEECH, RATE_HZ, "wav"))

    overlap = np.correlate(np.pad(samples, (0, 2000)), original[: len(original) - 1000], "valid")
    size = np.linalg.norm(original) * np.linalg.norm(samples)
    assert np.max(overlap) / size > 0.95
    assert 3.0 <= len(samples) / 16_000 <= 3.06
    assert recording.missing == []


@pytest.mark.parametrize("audio_format", FORMATS)
def test_the_same_samples_give_the_same_bytes(audio_format):
    assert encode(SPEECH, RATE_HZ, audio_format) == encode(SPEECH.copy(), RATE_HZ, audio_format)


@pytest.mark.parametrize("audio_format", ["mp3", "opus", "m4a"])
def test_the_file_says_that_it_is_synthetic_and_nothing_about_the_machine(audio_format):
    with av.open(io.BytesIO(encode(SPEECH, RATE_HZ, audio_format))) as container:
        tags = {**container.metadata, **container.streams.audio[0].metadata}

    lower = {key.lower(): value for key, value in tags.items()}
    assert "Synthetic speech" in lower["comment"]
    assert "creation_time" not in lower
    assert not any("/" in value for value in tags.values())


def test_an_m4a_has_its_index_in_front_so_that_players_start_at_once():
    data = encode(SPEECH, RATE_HZ, "m4a")

    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050, 44_100])
@pytest.mark.parametrize("audio_format", FORMATS)
def test_every_engine_rate_can_be_encoded(audio_format, rate_hz):
    samples, _ = decoded(encode(voice(0.5, rate_hz), rate_hz, audio_format))

    assert len(samples) / 16_000 == pytest.approx(0.5, abs=0.07)


@pytest.mark.parametrize("length", [0, 1, 300])
@pytest.mark.parametrize("audio_format", FORMATS)
def test_the_shortest_sound_still_makes_a_file_that_plays(audio_format, length):
    samples, _ = decoded(encode(SPEECH[:length], RATE_HZ, audio_format))

    assert len(samples) >= 0.04 * 16_000


class Halving:
    """A watermark that can be heard: half the volume."""

    def mark(self, samples, rate_hz):
        assert rate_hz == RATE_HZ
        return samples / 2


@pytest.mark.parametrize("audio_format", FORMATS)
def test_the_watermark_marks_the_samples_before_they_are_encoded(audio_format):
    plain, _ = decoded(encode(SPEECH, RATE_HZ, audio_format))
    marked, _ = decoded(encode(SPEECH, RATE_HZ, audio_format, watermark=Halving()))

    assert np.std(marked) / np.std(plain) == pytest.approx(0.5, abs=0.02)


def test_every_format_has_a_content_type_and_a_suffix():
    assert set(CONTENT_TYPES) == set(FILE_SUFFIXES) == set(FORMATS)
