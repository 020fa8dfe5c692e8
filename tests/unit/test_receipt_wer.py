"""The word error rate that receipts, demo and benches share."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.receipts.wer import word_error_rate, words

SENTENCE = "the quick brown fox jumps over the lazy dog today"  # ten words


def test_case_accents_and_punctuation_do_not_count():
    assert words("¿Où êtes-vous, Éric ?") == ["ou", "etes", "vous", "eric"]
    assert word_error_rate("L'été, déjà !", "l ete deja") == 0.0


@pytest.mark.parametrize("swapped", [1, 2, 3, 5])
def test_every_swapped_word_adds_its_share(swapped):
    heard = SENTENCE.split()
    heard[:swapped] = [f"other{number}" for number in range(swapped)]
    assert word_error_rate(SENTENCE, " ".join(heard)) == pytest.approx(swapped / 10)


def test_missing_and_added_words_count_like_swapped_ones():
    assert word_error_rate(SENTENCE, "the quick brown fox jumps over the lazy") == pytest.approx(0.2)
    assert word_error_rate(SENTENCE, SENTENCE + " and tomorrow") == pytest.approx(0.2)


def test_it_can_exceed_one_and_an_empty_reference_counts_what_was_heard():
    assert word_error_rate("yes", "no no no") == 3.0
    assert word_error_rate("", "two words") == 2.0
    assert word_error_rate("...", "") == 0.0


@given(st.text(max_size=80))
def test_a_text_has_no_error_against_itself(text):
    assert word_error_rate(text, text) == 0.0
