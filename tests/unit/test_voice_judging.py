"""A recording becomes a sample only where one person is heard well; each fault says what was measured and the limit."""

from collections.abc import Sequence
from functools import cache

import numpy as np
import pytest

from appliance.audio.bandwidth import bandwidth_hz
from appliance.engines.protocols import EngineIdentity, Samples
from appliance.errors import AudioUnreadable, MeeshyError, NoSpeech
from appliance.testing.audio_files import noise
from appliance.voices import judging
from appliance.voices.judging import Judged, judge
from appliance.voices.one_speaker import halves_similarity, least_similar_split

RATE_HZ = 16_000


@cache
def speech(seconds: float, pitch_hz: float = 120.0, top_hz: float = 7_800.0, level: float = 0.02) -> Samples:
    """Harmonics up to a frequency, three syllables a second, a third of the time silent."""
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    envelope = np.clip(np.sin(2 * np.pi * 3 * time_s) + 0.5, 0, 1)
    numbers = np.arange(1, int(top_hz / pitch_hz) + 1)
    phases = np.random.default_rng(1).uniform(0, 2 * np.pi, len(numbers))
    tone = sum(
        np.sin(2 * np.pi * pitch_hz * n * time_s + phase) / np.sqrt(n) for n, phase in zip(numbers, phases, strict=True)
    )
    sound = (level * envelope * tone).astype(np.float32)
    sound.flags.writeable = False  # the tests share it
    return sound


def cut_above(sound: Samples, edge_hz: float) -> Samples:
    """Take out everything above a frequency."""
    spectrum = np.fft.rfft(sound)
    spectrum[np.fft.rfftfreq(len(sound), 1 / RATE_HZ) > edge_hz] = 0
    return np.fft.irfft(spectrum, len(sound)).astype(np.float32)


class PitchEncoder:
    """Hears the spectrum from 80 to 400 Hz: people of different pitch share hardly a number."""

    def identity(self) -> EngineIdentity:
        return EngineIdentity("pitch", "toy", "0" * 64)

    def embed(self, clips: Sequence[Samples]) -> list[Samples | MeeshyError]:
        return [self._of(np.asarray(clip)) for clip in clips]

    def _of(self, clip: np.ndarray) -> Samples | MeeshyError:
        if not np.any(np.abs(clip) > 1e-4):
            return NoSpeech()
        power = np.abs(np.fft.rfft(clip, 1 << 18)) ** 2
        bins = np.fft.rfftfreq(1 << 18, 1 / RATE_HZ)
        near = bins < 500
        bands = np.array([power[near] @ np.exp(-0.5 * ((bins[near] - hz) / 8) ** 2) for hz in range(80, 400, 8)])
        return (bands / np.linalg.norm(bands)).astype(np.float32)


def judged(samples: Samples, spans: Sequence[tuple[float, float]] | None = None) -> Judged:
    return judge(samples, spans or [(0.0, len(samples) / RATE_HZ)], PitchEncoder())


def codes(found: Judged) -> list[str]:
    return [fault.code for fault in found.faults]


def test_a_clean_recording_of_one_person_has_no_fault_and_a_unit_embedding():
    found = judged(speech(10) + noise(10, 0.0005))
    assert found.faults == () and found.usable
    assert found.speech_s == 10 and found.clipping_ratio == 0
    assert found.embedding.dtype == np.float32
    assert np.linalg.norm(found.embedding) == pytest.approx(1, abs=1e-5)


def test_only_the_seconds_in_which_speech_was_heard_count_and_overlaps_count_once():
    sound = speech(10)
    assert judged(sound, [(6.0, 9.0), (1.0, 3.0), (2.0, 4.0)]).speech_s == 6
    assert judged(sound, [(-1.0, 2.0), (8.0, 99.0)]).speech_s == 4


def test_too_little_speech_is_told_with_its_seconds_and_just_enough_is_not():
    least_s = judging.LEAST_SPEECH_S
    short = judged(speech(10), [(1.0, 1.0 + least_s - 0.2)])
    assert codes(short) == ["too_little_speech"]
    assert f"{least_s - 0.2:.1f} s" in short.faults[0].detail and f"{least_s:.0f} s" in short.faults[0].detail
    assert codes(judged(speech(10), [(1.0, 1.0 + least_s)])) == []


@pytest.mark.parametrize(("over_db", "expected"), [(-2.0, ["noisy"]), (2.0, [])])
def test_noise_counts_from_the_limit_on(over_db, expected):
    sound = speech(10)
    powers = np.mean(np.square(sound.astype(float)).reshape(-1, 320), axis=1)
    loud = np.mean(powers[powers > powers.max() / 100])
    rms = np.sqrt(loud / 10 ** ((judging.LEAST_SNR_DB + over_db) / 10))
    found = judged(sound + noise(10, rms))
    assert codes(found) == expected
    assert found.snr_db == pytest.approx(judging.LEAST_SNR_DB + over_db, abs=1.5)


def test_digital_silence_around_the_speech_hides_no_noise():
    noisy = speech(8) + noise(8, 0.02)
    padded = np.concatenate([np.zeros(5 * RATE_HZ, np.float32), noisy, np.zeros(5 * RATE_HZ, np.float32)])
    assert judged(padded, [(5.0, 13.0)]).snr_db == pytest.approx(judged(noisy).snr_db, abs=0.5)
    assert "noisy" in codes(judged(padded, [(5.0, 13.0)]))


@pytest.mark.parametrize(("share", "expected"), [(1.6, ["clipped"]), (0.6, [])])
def test_clipping_counts_from_the_limit_on(share, expected):
    sound = speech(10)
    cut = np.quantile(np.abs(sound), 1 - share * judging.MOST_CLIPPING)
    found = judged(np.clip(sound / cut, -1, 1))
    assert codes(found) == expected
    assert found.clipping_ratio == pytest.approx(share * judging.MOST_CLIPPING, rel=0.3)


@pytest.mark.parametrize(("over_hz", "expected"), [(-600.0, ["narrow_band"]), (600.0, [])])
def test_a_narrow_band_counts_from_the_limit_on(over_hz, expected):
    edge_hz = judging.LEAST_BANDWIDTH_HZ + over_hz
    found = judged(cut_above(speech(10), edge_hz))
    assert codes(found) == expected
    assert found.bandwidth_hz == pytest.approx(edge_hz, abs=250)


@pytest.mark.parametrize("rms", [0.0, 0.0003, 0.003])
def test_noise_over_the_whole_spectrum_is_no_bandwidth(rms):
    assert bandwidth_hz(speech(10, top_hz=3_400) + noise(10, rms), RATE_HZ) == pytest.approx(3_500, abs=250)
    assert bandwidth_hz(np.zeros(RATE_HZ, np.float32), RATE_HZ) == 0


@pytest.mark.parametrize("turns", [1, 4])
def test_two_people_in_one_recording_are_told_whether_in_turns_or_one_after_the_other(turns):
    part_s = 12 / turns / 2
    pieces = [speech(part_s, pitch_hz) for _ in range(turns) for pitch_hz in (120.0, 205.0)]
    found = judged(np.concatenate(pieces))
    if turns == 1:
        assert codes(found) == ["several_speakers"]
        assert "0." in found.faults[0].detail
    assert halves_similarity(np.concatenate(pieces), PitchEncoder()) < halves_similarity(speech(12), PitchEncoder())


def test_a_person_whose_pitch_wanders_is_one_speaker():
    pieces = [speech(3, pitch_hz) for pitch_hz in (120.0, 122.0, 119.0, 121.0)]
    assert codes(judged(np.concatenate(pieces))) == []


def test_recordings_too_short_for_two_groups_are_not_judged_by_them():
    assert halves_similarity(speech(4), PitchEncoder()) is None


def test_a_cough_is_no_second_speaker():
    one, other = np.eye(8)[0], np.eye(8)[1]
    assert least_similar_split(np.stack([one] * 9 + [other])) > 0.99
    assert least_similar_split(np.stack([one] * 7 + [other] * 3)) < 0.01


@pytest.mark.parametrize("spans", [[], [(3.0, 3.0)], [(20.0, 22.0)]])
def test_where_no_speech_was_heard_there_is_no_speaker(spans):
    found = judge(speech(10), spans, PitchEncoder())
    assert codes(found) == ["no_speaker"] and found.embedding is None and found.speech_s == 0


def test_silence_that_was_taken_for_speech_has_no_speaker():
    assert codes(judged(np.zeros(5 * RATE_HZ, np.float32))) == ["no_speaker"]


def test_samples_that_are_no_numbers_are_an_error():
    with pytest.raises(AudioUnreadable):
        judged(np.full(5 * RATE_HZ, np.nan, np.float32))
