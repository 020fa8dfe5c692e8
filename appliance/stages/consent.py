"""Whether what was heard is the statement of consent that was asked for, with the words that nobody could foresee."""

import msgspec

from appliance.receipts.wer import word_error_rate, words
from appliance.voices.profile_documents import Challenge

MOST_WORD_ERRORS = 0.35
"""Word error rate of the whole statement: names and purposes are often spelt otherwise than they were typed."""
MOST_PHRASE_ERRORS = 1
"""Of the five words: one may be misheard. By chance nobody says four of five: one in 3 million."""


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """How close a recording is to a challenge."""

    word_error_rate: float
    phrase_errors: int

    @property
    def fits(self) -> bool:
        """Return whether it is the statement with its phrase."""
        return self.word_error_rate <= MOST_WORD_ERRORS and self.phrase_errors <= MOST_PHRASE_ERRORS

    @property
    def detail(self) -> str:
        """Return what was found, with the limits, and without any text."""
        return (
            f"{self.word_error_rate:.0%} of the statement's words were not heard as written "
            f"({MOST_WORD_ERRORS:.0%} may differ), and {self.phrase_errors} of the phrase's "
            f"({MOST_PHRASE_ERRORS} may differ)."
        )


def compare(challenge: Challenge, heard: str) -> Heard:
    """Return how close what was heard is to a challenge's statement and phrase."""
    return Heard(
        word_error_rate=round(word_error_rate(challenge.statement, heard), 4),
        phrase_errors=fewest_errors(words(challenge.phrase), words(heard)),
    )


def fewest_errors(phrase: list[str], heard: list[str]) -> int:
    """Return the least number of changed, missing and added words between a phrase and any stretch of what was heard.

    Sellers' algorithm (1980): an edit distance whose match may begin and end anywhere.
    """
    row = list(range(len(phrase) + 1))
    best = row[-1]
    for word in heard:
        above, row = row, [0]
        for place, wanted in enumerate(phrase, 1):
            row.append(min(above[place - 1] + (word != wanted), above[place] + 1, row[place - 1] + 1))
        best = min(best, row[-1])
    return best
