import numpy as np
import pyloudnorm
import pytest

from appliance.audio.loudness import TARGET_LUFS, integrated_lufs, levelled, normalised, true_peak_dbfs
from appliance.testing.audio_files import noise, voice


def tone(frequency_hz, seconds, rate_hz):
    return np.sin(2 * np.pi * frequency_hz * np.arange(round(seconds * rate_hz)) / rate_hz)


def test_the_calibration_tone_of_the_standard_reads_what_the_standard_says():
    assert integrated_lufs(tone(997, 5, 48_000), 48_000) == pytest.approx(-3.01, abs=0.01)


@pytest.mark.parametrize("rate_hz", [16_000, 22_050, 24_000, 48_000])
def test_speech_with_loud_and_quiet_parts_reads_as_with_pyloudnorm(rate_hz):
    note = voice(12.0, rate_hz) + noise(12.0, 0.003, rate_hz)
    note[rate_hz * 5 : rate_hz * 8] *= 0.05
    reference = pyloudnorm.Meter(rate_hz, filter_class="DeMan").integrated_loudness(note.astype(float))

    assert integrated_lufs(note, rate_hz) == pytest.approx(reference, abs=0.001)


def test_half_the_amplitude_is_six_decibels_less():
    note = voice(3.0)

    assert integrated_lufs(note, 16_000) - integrated_lufs(note / 2, 16_000) == pytest.approx(6.02, abs=0.01)


def test_silence_has_no_loudness():
    assert integrated_lufs(np.zeros(16_000), 16_000) is None
    assert integrated_lufs(np.zeros(0), 16_000) is None


def test_a_peak_between_two_samples_is_found():
    time = np.arange(8000)
    between = 0.5 * np.sin(np.pi * time / 2 + np.pi / 4) * np.hanning(8000)

    assert 20 * np.log10(np.max(np.abs(between))) == pytest.approx(-9.03, abs=0.01)
    assert true_peak_dbfs(between) == pytest.approx(-6.02, abs=0.05)


@pytest.mark.parametrize("gain", [0.02, 0.1, 0.5])
def test_speech_of_any_volume_comes_to_the_target(gain):
    quiet = (voice(4.0, level=0.15) * gain).astype(np.float32)

    result = normalised(quiet, 16_000, target_lufs=-20.0)

    assert integrated_lufs(result, 16_000) == pytest.approx(-20.0, abs=0.05)
    assert result.dtype == np.float32


@pytest.mark.parametrize("gain", [0.002, 0.1, 1.0])
def test_the_loudness_told_with_a_levelled_sound_is_what_it_measures_as(gain):
    # The quiet half passes the absolute gate only once it is louder.
    note = voice(6.0)
    note[48_000:] *= 0.01

    result, told_lufs = levelled((note * gain).astype(np.float32), 16_000)

    assert told_lufs == pytest.approx(integrated_lufs(result, 16_000), abs=0.001)


def test_the_true_peak_never_passes_one_decibel_below_full_scale():
    spiky = voice(4.0, level=0.02)
    spiky[::4000] = 0.9

    result = normalised(spiky, 16_000)

    assert true_peak_dbfs(result) == pytest.approx(-1.0, abs=0.05)
    assert integrated_lufs(result, 16_000) < TARGET_LUFS


@pytest.mark.parametrize("seconds", [0.02, 0.1, 0.39])
def test_a_clip_shorter_than_a_block_is_normalised_too(seconds):
    short = voice(1.0, level=0.05)[2000 : 2000 + round(seconds * 16_000)]

    result = normalised(short, 16_000)

    assert len(result) == len(short)
    assert -17 < integrated_lufs(result, 16_000) < -15 or true_peak_dbfs(result) == pytest.approx(-1.0, abs=0.1)


def test_silence_is_left_alone_and_near_silence_is_not_blown_up():
    silence, loudness = levelled(np.zeros(16_000, np.float32), 16_000)
    assert np.array_equal(silence, np.zeros(16_000))
    assert loudness is None
    hiss = noise(2.0, 2e-4)
    assert np.max(np.abs(normalised(hiss, 16_000))) <= 100.1 * np.max(np.abs(hiss))
