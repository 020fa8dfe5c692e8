"""What counts as reading the statement of consent."""

import pytest

from appliance.stages.consent import compare, fewest_errors
from appliance.voices.profile_documents import Challenge
from appliance.voices.statements import PHRASE_WORDS, WORDS, new_phrase, statement, statement_language

PHRASE = "orange window tiger pocket river"


def challenge(language="en", subject="Alice Martin"):
    text = statement(language, subject=subject, purpose="messages to our customers", phrase=PHRASE)
    return Challenge(statement=text, phrase=PHRASE, language=language)


def test_the_statement_as_written_fits():
    found = compare(challenge(), challenge().statement.lower())
    assert (found.word_error_rate, found.phrase_errors, found.fits) == (0, 0, True)


@pytest.mark.parametrize(
    ("change", "fits"),
    [
        (lambda text: text.replace("Alice Martin", "Alys Marten"), True),
        (lambda text: text.replace("tiger", "taiga"), True),
        (lambda text: text.replace("tiger", ""), True),
        (lambda text: text.replace("tiger", "taiga").replace("river", "liver"), False),
        (lambda text: text.replace(PHRASE, "banana doctor music ticket uncle"), False),
        (lambda text: " ".join(text.split()[:10]) + " " + PHRASE, False),
        (lambda text: PHRASE, False),
        (lambda text: "", False),
        (lambda text: text.replace(PHRASE, "river pocket tiger window orange"), False),
    ],
)
def test_names_may_be_misheard_but_not_the_words_of_the_day(change, fits):
    assert compare(challenge(), change(challenge().statement)).fits is fits


def test_the_reason_holds_figures_and_no_text():
    detail = compare(challenge(), "a secret that was said instead").detail
    assert "%" in detail and "secret" not in detail and "Alice" not in detail


@pytest.mark.parametrize(
    ("phrase", "heard", "errors"),
    [
        ("a b c", "x a b c y", 0),
        ("a b c", "x a c y", 1),
        ("a b c", "a x b c", 1),
        ("a b c", "", 3),
        ("a b c", "c b a", 2),
        ("a b c", "a b", 1),
    ],
)
def test_the_phrase_is_looked_for_anywhere(phrase, heard, errors):
    assert fewest_errors(phrase.split(), heard.split()) == errors


@pytest.mark.parametrize("language", WORDS)
def test_phrases_are_of_different_words(language):
    assert len(WORDS[language]) == len(set(WORDS[language])) == 64
    phrases = [new_phrase(language).split() for _ in range(200)]
    assert all(len(set(phrase)) == PHRASE_WORDS for phrase in phrases)
    assert len({tuple(phrase) for phrase in phrases}) == 200


@pytest.mark.parametrize(("asked", "given"), [("fr", "fr"), ("fr-CA", "fr"), ("es", "es"), ("ja", "en")])
def test_a_statement_is_in_the_language_asked_or_in_english(asked, given):
    assert statement_language(asked) == given


def test_what_users_write_is_text_and_nothing_else():
    text = statement("en", subject="{phrase} {0}", purpose="a {purpose}.", phrase=PHRASE)
    assert text.startswith("My name is {phrase} {0}. ")
    assert "The purpose is: a {purpose}. I can" in text
