"""Telling a translation from the garbage that small or wrongly quantised models can fall into.

Known from the field: endless repetition after a forced compute type (argos-translate pull request 511, LibreTranslate
issue 930), and an empty answer. The thresholds leave room for real text: "no no no no" stays when the source says it.
"""

from collections import Counter
from collections.abc import Sequence

MOST_EXPANSION = 3.0
"""Target tokens per source token; between European languages with a shared vocabulary it stays below 2."""
EXPANSION_ALLOWANCE_TOKENS = 12
"""Short sentences may grow by more than the factor: "OK" can become a phrase."""
LOOP_REPEATS = 4
"""Repeats of one token sequence in a row, beyond the source's own, that no sentence needs."""
LONGEST_LOOP_TOKENS = 8


def most_tokens(source_tokens: int) -> int:
    """Return how many tokens a translation of a sentence of this length may have."""
    return int(source_tokens * MOST_EXPANSION) + EXPANSION_ALLOWANCE_TOKENS


def looks_broken(source: Sequence[str], target: Sequence[str]) -> str | None:
    """Return what is wrong with a translation, both as tokens, or None if it looks like one."""
    if not target:
        return "empty"
    if len(target) > most_tokens(len(source)):
        return "far longer than its source"
    # A sequence that stands in a row so often has tokens that occur as often; hardly any text has: count first.
    if max(Counter(target).values()) < LOOP_REPEATS:
        return None
    if longest_repeat(target) >= max(LOOP_REPEATS, longest_repeat(source) + 2):
        return "repeats itself"
    return None


def longest_repeat(tokens: Sequence[str]) -> int:
    """Return how often the most repeated sequence of up to 8 tokens stands in a row; 1 if none repeats."""
    most = min(len(tokens), 1)
    for width in range(1, min(LONGEST_LOOP_TOKENS, len(tokens) // 2) + 1):
        run = 0
        for place in range(width, len(tokens)):
            run = run + 1 if tokens[place] == tokens[place - width] else 0
            most = max(most, 1 + run // width)
    return most
