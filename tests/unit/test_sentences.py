"""Sentence splitting, merging of recorded segments, and laying translations back over them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.engines.sentences import (
    Share,
    break_long,
    has_words,
    joiner,
    merge_segments,
    split_sentences,
)


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("I am late. Start without me!", ["I am late.", "Start without me!"]),
        ("Where are you? At home.", ["Where are you?", "At home."]),
        ("Dr. Smith met Mr. Jones at 10.30. They left.", ["Dr. Smith met Mr. Jones at 10.30.", "They left."]),
        ("I said no. Then I left.", ["I said no.", "Then I left."]),
        ("Wait... what? Nothing.", ["Wait... what?", "Nothing."]),
        ("Bring fruit, e.g. Apples. Thanks.", ["Bring fruit, e.g. Apples.", "Thanks."]),
        ("J. K. Rowling wrote it. I read it.", ["J. K. Rowling wrote it.", "I read it."]),
        ("So do I. Good.", ["So do I.", "Good."]),
        ("Mail anna@example.com or see example.com. Bye.", ["Mail anna@example.com or see example.com.", "Bye."]),
        ('He said "Stop!" Then he left.', ['He said "Stop!"', "Then he left."]),
        ("M. Dupont est là. Il attend Mme. Martin.", ["M. Dupont est là.", "Il attend Mme. Martin."]),
        ("¿Dónde estás? ¡Ven ya! La Sra. López espera.", ["¿Dónde estás?", "¡Ven ya!", "La Sra. López espera."]),
        ("1. Open the door. 2. Close it.", ["1. Open the door.", "2. Close it."]),
        ("It costs 3. Take 4.", ["It costs 3.", "Take 4."]),
        ("first line\nsecond line", ["first line", "second line"]),
        ("你好。你在哪里？我在家！", ["你好。", "你在哪里？", "我在家！"]),
        ("नमस्ते। आप कैसे हैं?", ["नमस्ते।", "आप कैसे हैं?"]),
        ("هل أنت هنا؟ نعم.", ["هل أنت هنا؟", "نعم."]),
        ("no end mark", ["no end mark"]),
        ("   ", []),
        ("", []),
    ],
)
def test_text_is_cut_where_sentences_end_and_nowhere_else(text, sentences):
    assert split_sentences(text) == sentences


def _without_spaces(text: str) -> str:
    return "".join(text.split())


@given(st.text(alphabet=st.sampled_from("abZ .!?…。\"'»()\n1é你¿"), max_size=80))
def test_no_character_is_lost_or_invented_by_splitting(text):
    assert _without_spaces("".join(split_sentences(text))) == _without_spaces(text)


def test_a_long_sentence_is_cut_at_a_clause_when_that_is_enough():
    parts = break_long("we leave early in the morning, and we come back late at night", lambda part: len(part) < 40)
    assert parts == ["we leave early in the morning,", "and we come back late at night"]


@given(st.text(alphabet=st.sampled_from("ab, ;你"), max_size=120), st.integers(min_value=1, max_value=30))
def test_the_parts_of_a_long_sentence_fit_and_hold_everything(text, limit):
    parts = break_long(text, lambda part: len(part) <= limit)
    assert all(len(part) <= limit for part in parts)
    assert _without_spaces("".join(parts)) == _without_spaces(text)


def test_segments_cut_inside_a_sentence_are_joined_and_remember_where_they_came_from():
    merged = merge_segments(["I will be", "ten minutes late. Please", "start without me."], "en")
    assert [sentence.text for sentence in merged] == ["I will be ten minutes late.", "Please start without me."]
    assert merged[0].shares == (Share(0, 9), Share(1, 17))
    assert merged[1].shares == (Share(1, 6), Share(2, 17))


def test_a_segment_that_ends_its_sentence_stays_alone():
    assert [s.text for s in merge_segments(["Hello.", "Good morning."], "en")] == ["Hello.", "Good morning."]


def test_an_abbreviation_at_the_end_of_a_segment_does_not_end_the_sentence():
    assert [s.text for s in merge_segments(["I met Dr.", "Smith today."], "en")] == ["I met Dr. Smith today."]


def test_unpunctuated_speech_is_not_joined_without_limit():
    merged = merge_segments(["word " * 20] * 10, "en", longest_characters=150)
    assert all(len(sentence.text) <= 150 for sentence in merged)
    assert sum(len(sentence.shares) for sentence in merged) == 10


def test_segments_of_languages_without_spaces_are_joined_without_spaces():
    assert [s.text for s in merge_segments(["我在", "家。"], "zh")] == ["我在家。"]
    assert (joiner("fr"), joiner("zh-Hant")) == (" ", "")


def test_empty_segments_belong_to_no_sentence():
    assert merge_segments(["", "Hello.", "  "], "en")[0].shares == (Share(1, 6),)


@pytest.mark.parametrize(
    ("text", "answer"), [("12:30", False), ("👍 !", False), ("ok", True), ("你", True), ("", False)]
)
def test_only_letters_make_words(text, answer):
    assert has_words(text) is answer
