"""The gate hears what a speech network does wrong, and lets through what is right."""

import numpy as np
import pytest

from appliance.engines.speech_frames import frames_of
from appliance.engines.speech_gate import Heard, SpeechGate, expected_s, is_silent
from appliance.errors import EngineFailed
from appliance.testing.scripted_xtts import RATE_HZ, syllables

TEXT = "We could meet on Thursday and talk about it over coffee at the station"
GATE = SpeechGate()


def heard(*parts: np.ndarray, text: str = TEXT, language: str = "en", ended: bool = True) -> Heard:
    return GATE.judged(Heard(np.concatenate(parts), RATE_HZ, text, language, ended))


def silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE_HZ), np.float32)


def spoken(seed: int = 0, share: float = 1.0) -> np.ndarray:
    return syllables(share * expected_s(TEXT, "en"), seed)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("pace", [0.6, 1.0, 1.6])
def test_what_is_as_long_as_its_text_passes(seed, pace):
    assert heard(silence(0.1), spoken(seed, pace), silence(0.3)).faults == ()


def test_pauses_within_a_sentence_pass():
    assert heard(spoken(1, 0.4), silence(0.4), spoken(2, 0.6)).faults == ()


@pytest.mark.parametrize(
    "samples", [silence(2), np.zeros(0, np.float32), np.full(24_000, np.nan, np.float32), 1e-4 * syllables(3, 1)]
)
def test_silence_is_a_fault_and_in_the_end_an_error(samples):
    found = heard(samples)
    assert is_silent(samples) and found.faults == ("there is no sound",)
    assert isinstance(GATE.last(found), EngineFailed)


def test_too_little_sound_for_the_text_is_a_fault():
    assert "too short" in heard(spoken(1, 0.3)).faults[0]


def test_far_too_much_sound_for_the_text_is_a_fault():
    assert any("too long" in fault for fault in heard(spoken(1, 4.0)).faults)


def test_a_long_pause_is_a_fault():
    assert "pauses for 2.0 s" in heard(spoken(1, 0.5), silence(2.0), spoken(2, 0.5)).faults[0]


def test_babble_behind_the_end_is_a_fault():
    assert any("follow its end" in fault for fault in heard(spoken(1), silence(0.5), spoken(2, 0.4)).faults)


def test_a_last_clause_behind_a_comma_is_no_babble():
    text = f"{TEXT}, if you like"
    assert heard(spoken(1), silence(0.5), spoken(2, 0.3), text=text).faults == ()


@pytest.mark.parametrize("length_s", [0.15, 0.3, 0.7, 1.2])
@pytest.mark.parametrize("seed", range(3))
def test_turning_in_a_circle_is_a_fault(length_s, seed):
    circle = np.tile(syllables(length_s, seed), max(4, round(2.0 / length_s)))
    assert "it repeats itself" in heard(spoken(seed + 10, 0.5), circle).faults


def test_a_word_said_twice_is_no_circle():
    word = syllables(0.4, 5)
    assert not frames_of(np.concatenate([spoken(1, 0.5), word, word, spoken(2, 0.3)]), RATE_HZ).repeats()


def test_an_engine_that_was_cut_off_is_a_fault():
    assert heard(spoken(1), ended=False).faults == ("it was cut off before its end",)


def test_the_last_reading_is_handed_on_with_its_faults():
    found = heard(spoken(1, 0.3))
    assert GATE.last(found) is found


def test_what_a_text_takes_depends_on_letters_figures_and_language():
    assert expected_s("", "en") == expected_s("?! ...", "en") == 0
    assert expected_s("1961", "en") > expected_s("year", "en")
    assert expected_s("我们星期四见面", "zh") > expected_s("abcdefg", "en")
    assert expected_s("hola", "es-MX") == expected_s("hola", "es")
    assert expected_s("hello", "xx") > 0
