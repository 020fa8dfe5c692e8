"""Words with times, and segments a subtitle can show."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.engines.whisper_windows import Span
from appliance.engines.whisper_words import (
    LONGEST_SEGMENT_S,
    HeardWord,
    geometric_mean,
    placed_words,
    segments,
    timed_words,
)

STEP_S = 0.02


def said(text: str, start_s: float, end_s: float, probability: float = 0.9) -> HeardWord:
    return HeardWord(text, start_s, end_s, (probability,))


def spoken(sentence: str, start_s: float = 0.0, word_s: float = 0.5) -> list[HeardWord]:
    """Return a sentence's words one after the other."""
    words = sentence.split()
    return [said(f" {w}", start_s + i * word_s, start_s + (i + 1) * word_s) for i, w in enumerate(words)]


def test_given_an_alignment_then_each_word_lasts_until_the_next_begins() -> None:
    path = [(0, 0), (0, 10), (1, 20), (2, 30), (2, 40), (3, 50)]

    good, morning = timed_words([(" Good", 1), (" morning", 2)], path, [0.9, 0.8, 0.5], STEP_S)

    assert (good.start_s, good.end_s) == (0.0, pytest.approx(0.4))
    assert (morning.start_s, morning.end_s) == (pytest.approx(0.4), pytest.approx(1.0))
    assert morning.probabilities == (0.8, 0.5)


def test_given_punctuation_pieces_then_they_join_the_word_they_belong_to() -> None:
    pieces = [(' "', 1), ("Yes", 1), (",", 1), (" ¿", 1), ("qué", 1), ("?", 1), ('"', 1)]
    path = [(i, i * 10) for i in range(8)]

    words = timed_words(pieces, path, [0.9] * 7, STEP_S)

    assert [word.text for word in words] == [' "Yes,', ' ¿qué?"']
    assert words[0].start_s == 0.0
    assert words[1].end_s == pytest.approx(1.4)


def test_given_only_punctuation_then_there_are_no_words() -> None:
    assert timed_words([(" ...", 1)], [(0, 0), (1, 5)], [0.4], STEP_S) == []


def test_given_no_alignment_then_there_are_no_words() -> None:
    assert timed_words([], [], [], STEP_S) == []


def test_given_a_pause_inside_a_word_then_the_word_keeps_the_side_with_more_of_it() -> None:
    speech = [Span(10.0, 11.0), Span(13.0, 14.0)]
    words = [said(" so", 0.0, 0.5), said(" my", 0.5, 2.9), said(" friend", 2.9, 4.0)]

    placed = placed_words(words, 10.0, speech)

    assert [(w.start_s, w.end_s) for w in placed] == [(10.0, 10.5), (10.5, 11.0), (13.0, 14.0)]


@given(st.lists(st.tuples(st.floats(0, 20), st.floats(0, 5)), max_size=30))
def test_given_any_alignment_then_words_are_in_order_and_inside_the_speech(times: list[tuple[float, float]]) -> None:
    words = [said(" w", start, start + length) for start, length in times]
    speech = [Span(3.0, 5.0), Span(6.0, 9.5), Span(11.0, 15.0)]

    placed = placed_words(words, 1.0, speech)

    assert len(placed) == len(words)
    assert all(3.0 <= w.start_s <= w.end_s <= 15.0 for w in placed)
    assert all(a.end_s <= b.start_s for a, b in pairwise(placed))


def test_given_two_sentences_then_there_are_two_segments_with_their_words() -> None:
    first, second = segments(spoken("Hello there. How are you?"))

    assert first.text == "Hello there."
    assert second.text == "How are you?"
    assert [word.text for word in second.words] == ["How", "are", "you?"]
    assert (second.start_s, second.end_s) == (second.words[0].start_s, second.words[-1].end_s)


@pytest.mark.parametrize("sentence", ["Ask Dr. Smith about it.", "John F. Kennedy said so.", "It costs 3.50 euros."])
def test_given_a_full_stop_that_ends_no_sentence_then_the_segment_goes_on(sentence: str) -> None:
    assert [segment.text for segment in segments(spoken(sentence))] == [sentence]


def test_given_a_pause_for_effect_inside_a_sentence_then_it_stays_whole() -> None:
    words = [*spoken("ask not what"), *spoken("your country can do", start_s=2.7)]

    assert len(segments(words)) == 1


@pytest.mark.parametrize(("before", "pause_s"), [("my fellow Americans,", 1.0), ("and then", 2.5)])
def test_given_a_pause_after_a_clause_or_a_long_one_anywhere_then_the_segment_ends(before: str, pause_s: float) -> None:
    first = spoken(before)

    assert len(segments([*first, *spoken("ask not", start_s=first[-1].end_s + pause_s)])) == 2


def test_given_a_sentence_too_long_for_a_subtitle_then_it_is_cut_at_a_clause() -> None:
    words = spoken("we came here because we wanted to see the house, and now we would like to stay for dinner")

    parts = segments(words)

    assert parts[0].text.endswith("house,")
    assert all(part.end_s - part.start_s <= LONGEST_SEGMENT_S for part in parts)


def test_given_a_minute_without_punctuation_then_no_segment_is_longer_than_a_subtitle_and_no_word_is_lost() -> None:
    words = spoken("word " * 120)

    parts = segments(words)

    assert all(part.end_s - part.start_s <= LONGEST_SEGMENT_S for part in parts)
    assert sum(len(part.words) for part in parts) == 120


def test_given_a_language_without_spaces_then_its_text_has_none() -> None:
    words = [
        said("今日", 0, 0.4),
        said("は", 0.4, 0.5),
        said("晴れ。", 0.5, 1),
        said("明日", 1, 1.4),
        said("も。", 1.4, 2),
    ]

    assert [segment.text for segment in segments(words)] == ["今日は晴れ。", "明日も。"]


def test_given_a_request_without_word_times_then_segments_are_the_same_but_carry_no_words() -> None:
    words = spoken("Hello there. How are you?")

    bare = segments(words, keep_words=False)

    assert [s.text for s in bare] == [s.text for s in segments(words)]
    assert all(segment.words == () for segment in bare)


def test_a_segments_confidence_is_the_geometric_mean_over_its_tokens_not_its_words() -> None:
    words = [HeardWord(" a", 0, 1, (0.5,)), HeardWord(" bc", 1, 2, (1.0, 1.0, 1.0))]

    assert segments(words)[0].confidence == pytest.approx(0.5**0.25)


def test_the_geometric_mean_of_nothing_is_zero_and_of_a_zero_is_tiny() -> None:
    assert geometric_mean([]) == 0.0
    assert 0 < geometric_mean([0.0, 1.0]) < 1e-15


def test_given_no_words_then_there_are_no_segments() -> None:
    assert segments([]) == []
