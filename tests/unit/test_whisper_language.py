"""Language codes and the language of a whole recording."""

import pytest

from appliance.engines.whisper_language import UNDETERMINED, spoken_language, tag_probabilities, whisper_code


def test_given_javanese_then_whispers_own_code_is_used_both_ways() -> None:
    assert whisper_code("jv") == "jw"
    assert tag_probabilities([("<|jw|>", 0.7)]) == {"jv": 0.7}


def test_given_any_other_language_then_the_codes_agree() -> None:
    assert whisper_code("fr") == "fr"


def test_given_a_language_that_nobody_can_ask_for_then_the_next_one_counts() -> None:
    probabilities = tag_probabilities([("<|haw|>", 0.5), ("<|mi|>", 0.4)])

    assert spoken_language([(probabilities, 2.0)]) == ("mi", pytest.approx(0.4))


def test_given_a_slip_in_a_short_window_then_the_recordings_language_is_that_of_its_speech() -> None:
    long_french, short_slip = {"fr": 0.8, "en": 0.2}, {"fr": 0.1, "en": 0.9}

    language, probability = spoken_language([(long_french, 20.0), (short_slip, 2.0)])

    assert language == "fr"
    assert probability == pytest.approx((0.8 * 20 + 0.1 * 2) / 22)


def test_given_many_unsure_windows_then_one_sure_window_can_decide() -> None:
    unsure = {"en": 0.34, "fr": 0.33, "es": 0.33}

    assert spoken_language([(unsure, 2.0), (unsure, 2.0), ({"es": 0.99, "en": 0.01}, 2.0)])[0] == "es"


def test_given_a_tie_then_the_answer_does_not_depend_on_the_order() -> None:
    assert spoken_language([({"fr": 0.5, "es": 0.5}, 1.0)]) == spoken_language([({"es": 0.5, "fr": 0.5}, 1.0)])


def test_given_nothing_heard_then_no_language_is_claimed() -> None:
    assert spoken_language([]) == (UNDETERMINED, 0.0)
    assert spoken_language([({}, 1.0)]) == (UNDETERMINED, 0.0)
