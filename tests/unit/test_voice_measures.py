"""Known changes move each measure by the amount computed for them."""

import numpy as np
import pytest

from appliance.engines.pitch import median_f0_hz, track_f0_hz
from appliance.voices.measures import (
    mfcc,
    mfcc_distance,
    pitch_distance_semitones,
    speaker_similarity,
    to_speech_rate,
)

RATE_HZ = 16_000


def buzz(hz: float, seconds: float = 1.0) -> np.ndarray:
    """A glottal-like sound: twenty harmonics that fall with their number."""
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return sum(0.2 / k * np.sin(2 * np.pi * hz * k * time_s + k) for k in range(1, 21) if hz * k < RATE_HZ / 2)


def noise(seed: int = 0) -> np.ndarray:
    return 0.1 * np.random.default_rng(seed).standard_normal(4 * RATE_HZ)


@pytest.mark.parametrize("hz", [75.0, 110.0, 163.7, 250.0, 390.0])
def test_the_pitch_of_a_voiced_sound_is_found_within_a_twentieth_of_a_semitone(hz: float) -> None:
    assert median_f0_hz(buzz(hz), RATE_HZ) == pytest.approx(hz, rel=0.003)


def test_pitch_survives_noise_20_db_below_the_voice() -> None:
    voice = buzz(140.0)
    noisy = voice + np.random.default_rng(1).standard_normal(len(voice)) * voice.std() / 10
    assert median_f0_hz(noisy, RATE_HZ) == pytest.approx(140, rel=0.01)


def test_noise_silence_and_a_click_have_no_pitch() -> None:
    assert median_f0_hz(noise(), RATE_HZ) is None
    assert median_f0_hz(np.zeros(RATE_HZ), RATE_HZ) is None
    assert median_f0_hz(np.ones(10), RATE_HZ) is None


def test_only_the_voiced_part_of_a_recording_has_pitch() -> None:
    track = track_f0_hz(np.concatenate([np.zeros(RATE_HZ), buzz(200)]), RATE_HZ)
    assert np.isnan(track[:90]).all()
    assert np.isfinite(track[105:]).mean() > 0.9


@pytest.mark.parametrize("semitones", [-7.0, -1.0, 0.0, 3.5, 12.0])
def test_a_pitch_shift_is_reported_in_semitones_with_its_sign(semitones: float) -> None:
    shifted = buzz(150 * 2 ** (semitones / 12))
    assert pitch_distance_semitones(buzz(150), shifted) == pytest.approx(semitones, abs=0.05)


def test_pitch_distance_without_voice_is_none_and_not_zero() -> None:
    assert pitch_distance_semitones(buzz(150), noise()) is None


@pytest.mark.parametrize("degrees", [0.0, 30.0, 90.0])
def test_similarity_is_the_cosine_of_the_angle(degrees: float) -> None:
    angle = np.radians(degrees)
    one, other = np.array([1.0, 0.0]), 3 * np.array([np.cos(angle), np.sin(angle)])
    assert speaker_similarity(one, other) == pytest.approx(np.cos(angle))
    assert speaker_similarity(one, np.zeros(2)) == 0.0


def coloured(samples: np.ndarray, coefficient: int, size_db: float) -> np.ndarray:
    """Filter so that the mel spectrum in dB moves by `size_db` along one DCT basis function."""
    spectrum = np.fft.rfft(samples)
    hz = np.fft.rfftfreq(len(samples), 1 / RATE_HZ)
    mel = np.where(hz < 1000, hz * 3 / 200, 15 + 27 * np.log(np.maximum(hz, 1000) / 1000) / np.log(6.4))
    band = mel / mel[-1] * 41 - 1
    gain_db = size_db * np.sqrt(2 / 40) * np.cos(np.pi * coefficient * (band + 0.5) / 40)
    return np.fft.irfft(spectrum * 10 ** (gain_db / 20), len(samples))


@pytest.mark.parametrize(("coefficient", "size_db"), [(1, 20.0), (2, 10.0), (3, 15.0)])
def test_a_spectral_shape_moves_the_mfcc_distance_by_its_size(coefficient: int, size_db: float) -> None:
    assert mfcc_distance(noise(), coloured(noise(), coefficient, size_db)) == pytest.approx(size_db, rel=0.05)


def test_loudness_alone_moves_nothing() -> None:
    assert mfcc_distance(noise(), 0.1 * noise()) == pytest.approx(0, abs=1e-6)


def test_mfcc_of_speech_with_pauses_is_that_of_the_speech() -> None:
    padded = np.concatenate([np.zeros(RATE_HZ), noise(), np.zeros(RATE_HZ)])
    assert len(mfcc(padded)) == pytest.approx(len(mfcc(noise())), abs=6)
    assert mfcc_distance(noise(), padded) < 1.0


def test_a_clip_too_short_for_a_frame_has_no_mfcc_distance() -> None:
    assert mfcc_distance(noise(), np.zeros(100)) is None


def test_resampling_to_the_speech_rate_keeps_the_pitch() -> None:
    time_s = np.arange(24_000) / 24_000
    there = to_speech_rate(np.sign(np.sin(2 * np.pi * 120 * time_s)), 24_000)
    assert len(there) == RATE_HZ and there.dtype == np.float32
    assert median_f0_hz(there, RATE_HZ) == pytest.approx(120, rel=0.005)
