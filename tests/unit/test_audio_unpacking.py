import io

import numpy as np
import pytest

from appliance import errors
from appliance.audio.pcm import pcm_of, samples_of
from appliance.audio.unpacking import unpacked
from appliance.audio.wav import wav_bytes
from appliance.testing.audio_files import CONTAINERS, noise, recording, sound_start, voice

LENGTH_S = 8.0
SOUND = voice(LENGTH_S) + noise(LENGTH_S, 0.002)
FILES = {container: recording(container, SOUND) for container in CONTAINERS}


def heard(data, max_audio_s=60.0):
    pcm, about = unpacked(io.BytesIO(data), max_audio_s)
    return samples_of(bytes(pcm)), about


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_sound_recording_comes_out_whole(container):
    samples, about = heard(FILES[container])

    assert len(samples) / 16_000 == pytest.approx(LENGTH_S, abs=0.05)
    assert about.declared_duration_s == pytest.approx(LENGTH_S, abs=0.05)
    assert not about.partial_input
    assert about.measures.snr_db == pytest.approx(heard(FILES["wav"])[1].measures.snr_db, abs=3)


@pytest.mark.parametrize("container", ["mp3", "flac", "m4a", "ogg", "webm"])
def test_a_tenth_of_noise_in_the_middle_costs_its_place_and_not_the_rest(container):
    data = bytearray(FILES[container])
    start = sound_start(container, data)
    hole = start + (len(data) - start) * 4 // 10
    size = (len(data) - start) // 10
    data[hole : hole + size] = np.random.default_rng(3).bytes(size)

    samples, about = heard(bytes(data))

    # WebM and Ogg lose the rest of the cluster or page; the others about what was overwritten.
    assert 0.5 < about.missing_s < 5.2
    assert len(samples) / 16_000 == pytest.approx(LENGTH_S, abs=0.3)
    original, _ = heard(FILES[container])
    first_s, last_s = about.missing[0][0], about.missing[-1][1]
    for begin_s, end_s in ((0.2, first_s - 0.2), (last_s + 0.2, LENGTH_S - 0.3)):
        piece = slice(int(begin_s * 16_000), int(end_s * 16_000))
        if end_s > begin_s:
            # Estimated holes (MP3) may shift what follows by a few frames.
            window = np.pad(original, 2000)[piece.start : piece.stop + 4000]
            likeness = np.max(np.correlate(window, samples[piece], "valid"))
            assert likeness / np.linalg.norm(samples[piece]) ** 2 > 0.8


@pytest.mark.parametrize("container", ["wav", "mp3", "flac", "m4a", "webm"])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_file_that_was_cut_says_how_much_is_missing_at_its_end(container, share):
    data = FILES[container]
    start = sound_start(container, data)

    samples, about = heard(data[: start + int((len(data) - start) * share)])

    assert about.missing[-1][1] == pytest.approx(LENGTH_S, abs=0.1)
    assert len(samples) / 16_000 + about.missing_s == pytest.approx(LENGTH_S, abs=0.2)


def test_an_ogg_file_that_was_cut_says_so_without_knowing_how_much():
    samples, about = heard(FILES["ogg"][: len(FILES["ogg"]) // 2])

    assert about.cut_short
    assert about.partial_input
    assert 3.0 < len(samples) / 16_000 < 5.0


def test_damaged_flac_frames_are_silence_and_not_bursts_of_noise():
    quiet = recording("flac", voice(LENGTH_S, level=0.01))
    data = bytearray(quiet)
    start = sound_start("flac", data)
    for offset in range(start + 700, len(data), 4001):
        data[offset] ^= 0xFF

    samples, about = heard(bytes(data))

    assert about.missing
    assert np.max(np.abs(samples)) < 0.05


def test_stereo_at_another_rate_becomes_the_mean_of_both_channels_at_16_khz():
    left = pcm_of(voice(1.0, 48_000))
    both = np.repeat(np.frombuffer(left, "<i2"), 2).astype("<i2").tobytes()
    stereo = bytearray(wav_bytes(both, 48_000))
    stereo[22:24], stereo[28:34] = b"\2\0", (192_000).to_bytes(4, "little") + b"\4\0"

    samples, about = heard(bytes(stereo))

    assert (about.channels, about.sample_rate_hz) == (2, 48_000)
    assert np.max(np.abs(samples - voice(1.0))) < 0.02


@pytest.mark.parametrize("container", CONTAINERS)
def test_decoding_stops_at_the_allowed_length_whatever_the_header_says(container):
    with pytest.raises(errors.AudioTooLong, match="5 s"):
        heard(FILES[container], max_audio_s=5.0)
    assert heard(FILES[container], max_audio_s=LENGTH_S)


def test_a_wav_without_samples_is_empty():
    with pytest.raises(errors.AudioEmpty):
        heard(wav_bytes(b""))


def test_a_streamed_wav_without_a_size_is_whole():
    data = bytearray(FILES["wav"])
    data[4:8] = data[40:44] = b"\xff\xff\xff\xff"

    samples, about = heard(bytes(data))

    assert len(samples) == len(SOUND)
    assert about.declared_duration_s is None
    assert not about.partial_input
