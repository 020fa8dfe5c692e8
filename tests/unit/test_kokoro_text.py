"""What Kokoro is given to read."""

import pytest

from appliance.engines.kokoro_text import (
    CLAUSE_PAUSE_S,
    ESPEAK_VOICES,
    MAX_TOKENS,
    SENTENCE_PAUSE_S,
    Phonemes,
    speakable_text,
    split_tokens,
)
from appliance.errors import TextUnspeakable


@pytest.fixture(scope="module")
def phonemes() -> Phonemes:
    return Phonemes()


def pairs(text: str) -> list[tuple[int, str]]:
    return [(ord(c), c) for c in text]


@pytest.mark.parametrize("text", ["", "  \n", "😀👍🏽", "...!?", "— « » —", "Привет", "你好", "\u200d\ufe0f"])
def test_text_with_nothing_to_say_is_refused(text: str, phonemes: Phonemes) -> None:
    with pytest.raises(TextUnspeakable):
        phonemes.chunks(text, "fr")


@pytest.mark.parametrize("language", ["ja", "zh", "de", "xx"])
def test_a_language_without_a_voice_is_refused(language: str) -> None:
    with pytest.raises(TextUnspeakable):
        speakable_text("text", language)


@pytest.mark.parametrize("language", sorted(ESPEAK_VOICES))
def test_digits_are_spoken_in_every_language(language: str, phonemes: Phonemes) -> None:
    assert len(phonemes.chunks("42", language)[0].tokens) > 4


def test_emoji_are_left_out_and_the_words_stay(phonemes: Phonemes) -> None:
    assert phonemes.chunks("Bonjour 😀 !", "fr") == phonemes.chunks("Bonjour !", "fr")


def test_the_point_of_a_number_is_read_and_ends_no_sentence(phonemes: Phonemes) -> None:
    assert "." not in phonemes.phonemes("It costs 3.50 now", "en")
    assert "pYnt" in phonemes.phonemes("It costs 3.50 now", "en")


def test_a_title_is_read_in_full_and_ends_no_sentence(phonemes: Phonemes) -> None:
    assert "mˈɪstəɹ smˈɪθ" in phonemes.phonemes("Mr. Smith", "en")


def test_english_diphthongs_are_the_single_symbols_that_kokoro_learned(phonemes: Phonemes) -> None:
    assert phonemes.phonemes("I say no boy now", "en") == "I sˈA nˈO bˈY nˈW"


def test_a_foreign_word_leaves_no_language_flag(phonemes: Phonemes) -> None:
    assert "(" not in phonemes.phonemes("un weekend", "fr") and "en" not in phonemes.phonemes("un weekend", "fr")[:3]


def test_marks_are_kept_once_and_in_kokoros_alphabet(phonemes: Phonemes) -> None:
    spoken = phonemes.phonemes("¿Qué? ¡¡No!! Sí...\nBien。 Fin", "es")
    assert [mark for mark in spoken if mark in ".,!?…"] == ["?", "!", "…", "."]


def test_a_hundred_thousand_marks_do_not_hold_the_reader_up(phonemes: Phonemes) -> None:
    assert len(phonemes.chunks("." * 100_000 + " a " + "!?" * 50_000, "fr")) == 1


def test_a_long_text_is_cut_under_the_models_limit_and_loses_nothing(phonemes: Phonemes) -> None:
    text = " ".join(f"Voici la phrase numéro {n}, qui est assez longue pour compter." for n in range(40))
    chunks = phonemes.chunks(text, "fr")
    assert len(chunks) > 3 and all(len(chunk.tokens) <= MAX_TOKENS for chunk in chunks)
    assert [chunk.pause_s for chunk in chunks] == [SENTENCE_PAUSE_S] * (len(chunks) - 1) + [0.0]
    whole = [t for chunk in phonemes.chunks(text, "fr", 10**6) for t in chunk.tokens if t != 16]
    assert [t for chunk in chunks for t in chunk.tokens if t != 16] == whole


@pytest.mark.parametrize(
    ("text", "runs", "pauses"),
    [
        ("aaaaaa. b, cccc", ["aaaaaa.", "b, cccc"], [SENTENCE_PAUSE_S, 0.0]),
        ("aaaaaa, bbbb cc", ["aaaaaa,", "bbbb cc"], [CLAUSE_PAUSE_S, 0.0]),
        ("aaaaaa bbbb cc", ["aaaaaa", "bbbb cc"], [0.0, 0.0]),
        ("aaaaaaaaaaaaaa", ["aaaaaaaaaa", "aaaa"], [0.0, 0.0]),
    ],
)
def test_a_cut_falls_after_a_sentence_else_a_clause_else_a_word(text: str, runs: list, pauses: list) -> None:
    chunks = split_tokens(pairs(text), 10)
    assert ["".join(map(chr, chunk.tokens)) for chunk in chunks] == runs
    assert [chunk.pause_s for chunk in chunks] == pauses
