"""Cutting text into what XTTS says in one go."""

import pytest

from appliance.engines.xtts_text import CLAUSE_PAUSE_S, SENTENCE_PAUSE_S, Piece, halves, pieces
from appliance.errors import TextUnspeakable

SENTENCE = "We could meet on Thursday and talk about it over coffee."


def test_a_sentence_that_fits_is_one_piece_without_a_pause():
    assert pieces(SENTENCE, "en", 250) == [Piece(SENTENCE)]


def test_sentences_are_pieces_with_a_pause_between():
    assert pieces(f"{SENTENCE} {SENTENCE}", "en", 250) == [Piece(SENTENCE, SENTENCE_PAUSE_S), Piece(SENTENCE)]


def test_a_short_sentence_joins_its_neighbour_where_both_fit():
    assert pieces(f"Yes. {SENTENCE} No.", "en", 250) == [Piece(f"Yes. {SENTENCE} No.")]
    assert [piece.text for piece in pieces(f"Yes. {SENTENCE}", "en", len(SENTENCE))] == ["Yes.", SENTENCE]


def test_languages_without_spaces_are_joined_without_one():
    assert pieces("好。我们星期四见面谈谈。", "zh", 82) == [Piece("好。我们星期四见面谈谈。")]


@pytest.mark.parametrize("most", [10, 40, 82, 250])
def test_no_piece_is_longer_than_the_limit_and_no_letter_is_lost(most):
    text = " ".join([SENTENCE] * 5) + " " + "x" * 300
    cut = pieces(text, "en", most)
    assert max(len(piece.text) for piece in cut) <= most
    assert "".join("".join(piece.text.split()) for piece in cut) == "".join(text.split())
    assert cut[-1].pause_s == 0


def test_parts_of_one_sentence_have_the_shorter_pause():
    first, second, _ = pieces(f"{SENTENCE[:-1]}, and the day after that as well. {SENTENCE}", "en", 60)
    assert (first.pause_s, second.pause_s) == (CLAUSE_PAUSE_S, SENTENCE_PAUSE_S)


def test_halves_hold_the_whole_and_keep_the_pause_behind_it():
    parts = halves(Piece(SENTENCE, 0.25))
    assert len(parts) >= 2 and " ".join(part.text for part in parts) == SENTENCE
    assert [part.pause_s for part in parts[:-1]] == [0.0] * (len(parts) - 1) and parts[-1].pause_s == 0.25


def test_figures_alone_are_spoken_and_marks_alone_are_not():
    assert pieces("1961", "en", 250) == [Piece("1961")]
    for nothing in ("", " ", "?!", "😀"):
        with pytest.raises(TextUnspeakable):
            pieces(nothing, "en", 250)
