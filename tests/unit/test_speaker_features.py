"""What the speaker encoder sees of a recording."""

import numpy as np
import pytest

from appliance.engines.speaker_encoder import PARTIAL_FRAMES, partial_starts
from appliance.engines.speaker_encoder_features import cut_long_silences, mel_filters, mel_frames, set_level

RATE_HZ = 16_000


def tone(seconds: float, amplitude: float = 0.3, hz: float = 440.0) -> np.ndarray:
    return (amplitude * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)).astype(np.float32)


@pytest.mark.parametrize("amplitude", [0.001, 0.05, 0.9])
def test_every_recording_is_heard_at_the_same_level(amplitude: float) -> None:
    assert 10 * np.log10(np.mean(set_level(tone(1, amplitude)) ** 2)) == pytest.approx(-25, abs=0.01)


def test_silence_stays_silence() -> None:
    assert not set_level(np.zeros(100, np.float32)).any()


def test_a_two_second_pause_is_cut_and_a_short_one_stays() -> None:
    with_pause = np.concatenate([tone(1), np.zeros(2 * RATE_HZ, np.float32), tone(1)])
    assert 2.0 * RATE_HZ <= len(cut_long_silences(with_pause)) < 2.6 * RATE_HZ
    with_gap = np.concatenate([tone(1), np.zeros(RATE_HZ // 10, np.float32), tone(1)])
    assert len(cut_long_silences(with_gap)) > 2.05 * RATE_HZ


def test_a_tone_falls_into_the_mel_band_around_its_frequency() -> None:
    filters = mel_filters(40, 400, RATE_HZ)
    loudest = mel_frames(tone(0.5))[10:40].mean(axis=0).argmax()
    assert filters[loudest].argmax() * RATE_HZ / 400 == pytest.approx(440, abs=60)


def test_every_mel_filter_has_the_same_area() -> None:
    areas = mel_filters(20, 4096, RATE_HZ).sum(axis=1) * RATE_HZ / 4096
    assert areas == pytest.approx(np.ones(20), rel=0.05)


def test_there_are_a_hundred_frames_per_second() -> None:
    assert len(mel_frames(tone(2))) == 201


@pytest.mark.parametrize(
    ("seconds", "starts"), [(0.2, [0]), (1.6, [0]), (1.9, [0]), (2.0, [0, 77]), (11.0, list(range(0, 925, 77)))]
)
def test_partials_overlap_and_the_last_is_three_quarters_sound(seconds: float, starts: list[int]) -> None:
    found = partial_starts(round(seconds * RATE_HZ))
    assert found == starts
    assert len(found) == 1 or seconds * 100 - found[-1] >= 0.75 * PARTIAL_FRAMES
