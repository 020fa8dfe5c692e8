import numpy as np
import pytest

from appliance.audio.measures import clipping_ratio, duration_ratio, measure, snr_db
from appliance.testing.audio_files import noise, voice

RATE_HZ = 16_000
LENGTH_S = 10.0


def speech_power(speech):
    """Return the mean power of the frames that hold speech: an own definition, from the clean sound alone."""
    powers = np.mean(np.square(speech.astype(float)).reshape(-1, 320), axis=1)
    return np.mean(powers[powers > np.max(powers) / 100])


@pytest.mark.parametrize("wanted_db", [5.0, 10.0, 20.0, 30.0])
def test_known_noise_gives_the_ratio_that_its_power_says(wanted_db):
    speech = voice(LENGTH_S)
    rms = np.sqrt(speech_power(speech) / 10 ** (wanted_db / 10))

    assert snr_db(speech + noise(LENGTH_S, rms), RATE_HZ) == pytest.approx(wanted_db, abs=1.5)


@pytest.mark.parametrize("steps_db", [3.0, 6.0, 10.0])
def test_louder_noise_moves_the_ratio_by_as_many_decibels(steps_db):
    speech, quiet = voice(LENGTH_S), noise(LENGTH_S, 0.002)

    before = snr_db(speech + quiet, RATE_HZ)
    after = snr_db(speech + quiet * np.float32(10 ** (steps_db / 20)), RATE_HZ)

    assert before - after == pytest.approx(steps_db, abs=0.5)


def test_the_ratio_does_not_depend_on_the_volume():
    note = voice(LENGTH_S) + noise(LENGTH_S, 0.005)

    assert snr_db(note * np.float32(0.25), RATE_HZ) == pytest.approx(snr_db(note, RATE_HZ), abs=0.01)


def test_silence_has_no_ratio_and_pauses_of_digital_silence_have_the_ceiling():
    gated = voice(LENGTH_S)
    gated[np.abs(gated) < 1e-4] = 0.0

    assert snr_db(np.zeros(RATE_HZ, np.float32), RATE_HZ) is None
    assert snr_db(gated, RATE_HZ) > 60


@pytest.mark.parametrize("level", [0.5, 0.8, 0.95])
def test_a_sine_cut_at_a_level_has_the_share_that_geometry_says(level):
    time_s = np.arange(RATE_HZ * 2) / RATE_HZ
    sine = np.sin(2 * np.pi * 97 * time_s)
    expected = 1 - 2 / np.pi * np.arcsin(level)

    assert clipping_ratio(np.clip(sine, -level, level)) == pytest.approx(expected, abs=0.005)


def test_a_cut_stays_a_cut_at_any_volume_and_after_encoding_to_sixteen_bits():
    cut = np.clip(voice(LENGTH_S), -0.2, 0.2)
    expected = np.mean(np.abs(voice(LENGTH_S)) >= 0.2)

    for scaled in (cut, cut * np.float32(0.3), np.rint(cut * 32767) / 32768):
        assert clipping_ratio(scaled) == pytest.approx(expected, abs=0.005)


def test_sound_that_was_never_cut_has_no_clipping():
    assert clipping_ratio(voice(LENGTH_S) + noise(LENGTH_S, 0.001)) == 0.0
    assert clipping_ratio(np.zeros(1000)) == 0.0
    assert clipping_ratio(np.zeros(0)) == 0.0


def test_silence_around_speech_is_measured_to_a_frame():
    speech = voice(2.0)[int(0.02 * RATE_HZ) :]
    note = np.concatenate((np.zeros(RATE_HZ // 2), speech[:8000], np.zeros(RATE_HZ))).astype(np.float32)

    found = measure(note, RATE_HZ)

    assert found.leading_silence_s == pytest.approx(0.5, abs=0.02)
    assert found.trailing_silence_s == pytest.approx(1.0, abs=0.2)
    assert not found.is_silent


@pytest.mark.parametrize("sound", [np.zeros(RATE_HZ), noise(1.0, 1e-4), np.zeros(100), np.zeros(0)])
def test_what_nobody_can_hear_is_silent_from_end_to_end(sound):
    found = measure(sound.astype(np.float32), RATE_HZ)

    assert found.is_silent
    assert found.snr_db is None
    assert found.loudness_lufs is None
    assert found.leading_silence_s == found.trailing_silence_s == len(sound) / RATE_HZ


def test_peak_and_length_are_what_they_are():
    assert measure(np.array([0.1, -0.7, 0.2] * 400, np.float32), RATE_HZ).peak == pytest.approx(0.7)
    assert duration_ratio(6.0, 4.0) == 1.5
    assert duration_ratio(6.0, 0.0) == 0.0
