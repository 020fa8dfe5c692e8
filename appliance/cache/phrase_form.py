"""The form of a phrase that its key is made from: what can be written in several ways is written in one.

Pure: text and language in, text out. It never leads from one meaning to another: marks of questions and exclamations,
commas, accents, numbers, apostrophes and capitals that tell words apart all stay. The form is for keys alone; what is
translated, shown and spoken is the text itself.
"""

import re
import unicodedata
from functools import lru_cache

from appliance.cache.phrase_rules import (
    APOSTROPHES,
    COMPATIBLE,
    DASHES,
    DOUBLE_QUOTES,
    FULL_STOPS,
    HYPHENS,
    INVISIBLE,
    OTHER_MARKS,
    Rules,
    rules_of,
)

FORM_VERSION = "1"
"""Raise it with every change of rules: keys that were made with other rules find nothing."""

_NO_STOP_AFTER = frozenset(".?!,;:- ")
_SPACE_BEFORE_MARK = re.compile(r" (?=[,?!;:%]|\.(?: |$))")
_FRENCH_QUOTES = re.compile(r"«\s*|\s*»")
_FIRST_WORD = re.compile(r"[^\w]*")
_WORD = re.compile(r"[\w']+")
_EAST = "\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_EAST_SPACES = re.compile(
    rf"(?<=[{_EAST}]) (?=[0-9A-Za-z,.?!;:\"'()、])|(?<=[0-9A-Za-z,.?!;:\"'()、]) (?=[{_EAST}])"
)  # fmt: skip


def phrase_form(text: str, language: str) -> str:
    """Return the form of a phrase in a language; the form of a form is the form itself."""
    rules = rules_of(language)
    form = unicodedata.normalize("NFC", text).translate(_invisible())
    if rules.spaced_quotes:
        form = _FRENCH_QUOTES.sub('"', form)
    form = unicodedata.normalize("NFC", _in_one_alphabet(form))
    for letter, written in rules.spelled.items():
        form = form.replace(letter, written)
    if rules.semicolon_asks:
        form = form.replace(";", "?")
    if rules.opening_marks:
        form = _without_opening_marks(form)
    form = _SPACE_BEFORE_MARK.sub("", " ".join(form.split()))
    if rules.unspaced:
        form = _EAST_SPACES.sub("", form)
    if rules.elided:
        form = _elision(rules.elided).sub(r"\1'", form)
    form = _with_capitals(_without_full_stop(form, rules), rules)
    return unicodedata.normalize("NFC", form)


def _in_one_alphabet(text: str) -> str:
    """Return the text with one character for each that is drawn in several ways, numbers in ASCII digits."""
    return "".join(
        character if character.isascii() else _drawn().get(character) or _digit(character) for character in text
    ).translate(_apostrophes())


def _digit(character: str) -> str:
    value = unicodedata.decimal(character, None)
    return character if value is None else str(value)


@lru_cache(maxsize=1)
def _drawn() -> dict[str, str]:
    compatible = {
        chr(code): unicodedata.normalize("NFKC", chr(code))
        for first, last in COMPATIBLE
        for code in range(ord(first), ord(last) + 1)
    }
    marks = dict.fromkeys(FULL_STOPS, ".") | dict.fromkeys(DOUBLE_QUOTES, '"') | OTHER_MARKS
    marks |= dict.fromkeys(HYPHENS, "-") | dict.fromkeys(DASHES, "–")
    return compatible | marks


@lru_cache(maxsize=1)
def _apostrophes() -> dict[int, str]:
    return str.maketrans(dict.fromkeys(APOSTROPHES, "'"))


@lru_cache(maxsize=1)
def _invisible() -> dict[int, None]:
    controls = (chr(code) for code in (*range(32), *range(127, 160)) if not chr(code).isspace())
    return dict.fromkeys(map(ord, (*INVISIBLE, *controls)))


def _without_opening_marks(text: str) -> str:
    for opening, closing in (("¿", "?"), ("¡", "!")):
        # One that is not closed is all that tells the question.
        if text.count(opening) == text.count(closing):
            text = text.replace(opening, "")
    return text


def _without_full_stop(text: str, rules: Rules) -> str:
    if not text.endswith(".") or len(text) < 2 or text[-2] in _NO_STOP_AFTER:
        return text
    if rules.ordinal_dot and text[-2].isdigit():
        return text
    return text[:-1]


@lru_cache(maxsize=16)
def _elision(words: frozenset[str]) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w'])({'|'.join(sorted(words))})' (?=\w)", re.IGNORECASE)


def _with_capitals(text: str, rules: Rules) -> str:
    if rules.first_letter != "keep":
        text = _first_letter_small(text, rules)
    for word in rules.upright:
        text = _upright(word).sub(word.capitalize(), text)
    return text


def _first_letter_small(text: str, rules: Rules) -> str:
    start = _FIRST_WORD.match(text).end()  # type: ignore[union-attr]
    found = _WORD.match(text, start)
    if found is None:
        return text
    first, rest = text[start], found.group()[1:]
    if any(letter.isupper() for letter in rest) or _small(first, rules) + rest.split("'")[0] in rules.capitals:
        return text
    return text[:start] + _small(first, rules) + text[start + 1 :]


def _small(letter: str, rules: Rules) -> str:
    if rules.first_letter == "fold_dotless" and letter in "Iİ":
        return "ı" if letter == "I" else "i"
    return letter.lower()


@lru_cache(maxsize=64)
def _upright(word: str) -> re.Pattern[str]:
    # `i.e.` and `i-th` are not the pronoun.
    return re.compile(rf"(?<![\w'.-]){re.escape(word)}(?![\w'.-])")
