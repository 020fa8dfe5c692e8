"""Which decoded rows are believed."""

import pytest

from appliance.engines.whisper_guard import (
    Decoded,
    better,
    compression_ratio,
    is_doubtful,
    is_invented,
    is_silence,
    most_tokens,
    ran_away,
)

SENTENCE = "Sunday is the best part of the week."
LOOP = "I don't know what to do. " * 12


def row(text: str = SENTENCE, log_probability: float = -0.2, no_speech: float = 0.0, tokens: int = 9) -> Decoded:
    return Decoded(tuple(range(tokens)), text, log_probability, no_speech)


def test_given_plain_speech_then_it_is_believed() -> None:
    heard = row()

    assert not (ran_away(heard, 2.6) or is_doubtful(heard) or is_silence(heard, 2.1) or is_invented(heard, 2.1))


def test_given_a_loop_then_the_row_is_doubtful_and_its_short_window_ran_away() -> None:
    assert is_doubtful(row(LOOP))
    assert ran_away(row(LOOP), 60.0)


def test_given_more_tokens_than_anyone_can_say_then_the_short_window_ran_away() -> None:
    assert ran_away(row(tokens=most_tokens(2.0)), 2.0)
    assert not ran_away(row(tokens=most_tokens(2.0) - 1), 2.0)


def test_given_no_text_from_a_short_window_then_it_is_decoded_again() -> None:
    assert ran_away(row(text=""), 2.0)


@pytest.mark.parametrize("log_probability", [-1.1, -2.5])
def test_given_little_conviction_then_the_row_is_doubtful(log_probability: float) -> None:
    assert is_doubtful(row(log_probability=log_probability))


def test_given_a_doubtful_text_and_a_no_speech_token_then_it_is_silence_however_long_the_sound() -> None:
    assert is_silence(row("Thanks for watching!", -1.13, 0.51), 12.0)


def test_given_a_fluent_text_on_a_blip_that_the_decoder_calls_silence_then_it_is_invented() -> None:
    assert is_invented(row("you", -0.49, 0.93), 0.3)


def test_given_a_quiet_meeting_with_a_middling_no_speech_token_then_it_is_kept() -> None:
    assert not is_invented(row(log_probability=-0.56, no_speech=0.5), 15.0)


def test_given_a_doubtful_text_then_little_speech_drops_it_and_much_speech_keeps_it_for_review() -> None:
    doubtful = row(log_probability=-1.5, no_speech=0.1)

    assert is_invented(doubtful, 0.5)
    assert not is_invented(doubtful, 5.0)


def test_given_no_text_then_nothing_is_left() -> None:
    assert is_invented(row(text=""), 5.0)


def test_given_two_readings_then_the_one_that_does_not_repeat_itself_wins_over_the_likelier_one() -> None:
    assert better(row(LOOP, -0.1), row(log_probability=-0.9)) == row(log_probability=-0.9)


def test_given_two_plain_readings_then_the_likelier_wins() -> None:
    assert better(row(log_probability=-1.4), row(log_probability=-1.2)) == row(log_probability=-1.2)


def test_given_nothing_to_compare_then_the_other_reading_or_nothing_is_kept() -> None:
    assert better(None, row()) == row()
    assert better(None, None) is None


def test_the_compression_ratio_of_no_text_is_zero_and_of_a_loop_is_high() -> None:
    assert compression_ratio("") == 0
    assert compression_ratio(SENTENCE) < 1.2
    assert compression_ratio(LOOP) > 2.4
