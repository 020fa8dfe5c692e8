"""From Whisper's alignment to words with times, and from words to segments that a subtitle can show."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from appliance.engines.protocols import Segment, Word
from appliance.engines.whisper_windows import Span

LONGEST_SEGMENT_S = 7.0
"""A subtitle stays on screen no longer than this (BBC and Netflix guidelines both end at 7 s)."""

CLAUSE_PAUSE_S = 0.8
PAUSE_S = 2.0
"""A silence this long ends a segment; the shorter one only after a comma, because a pause for effect lies inside a
sentence and half sentences translate badly (Kennedy pauses 1.2 s after "ask not what")."""

_SENTENCE_ENDS = (".", "?", "!", "…", "。", "？", "！", "।", "؟", "۔")
_CLAUSE_ENDS = (",", ";", ":", "،", "，", "、", "；", "：")
_OPENING = frozenset("\"'“‘«¿¡([{「『-—–")
_ABBREVIATIONS = frozenset({"mr.", "mrs.", "ms.", "dr.", "st.", "prof.", "vs.", "m.", "mme.", "sr.", "sra.", "ud."})


@dataclass(frozen=True, slots=True)
class HeardWord:
    """A word as decoded (with its leading space), its place in seconds and its tokens' probabilities."""

    text: str
    start_s: float
    end_s: float
    probabilities: tuple[float, ...]


def timed_words(
    pieces: Sequence[tuple[str, int]],
    path: Sequence[tuple[int, int]],
    probabilities: Sequence[float],
    seconds_per_step: float,
) -> list[HeardWord]:
    """Return words with times from the window's start.

    `pieces` are (text, number of tokens) in order; `path` is the alignment as (token index, time step) pairs, where the
    index after the last token marks the end of the last word; `probabilities` holds one value per token.
    """
    first_step: dict[int, int] = {}
    for token, step in path:
        first_step.setdefault(token, step)
    end_step = path[-1][1] if path else 0
    words, index = [], 0
    for text, count in pieces:
        start, end = first_step.get(index, end_step), first_step.get(index + count, end_step)
        own = tuple(float(p) for p in probabilities[index : index + count])
        words.append(HeardWord(text, start * seconds_per_step, end * seconds_per_step, own))
        index += count
    return _with_punctuation_attached(words)


def _with_punctuation_attached(words: Sequence[HeardWord]) -> list[HeardWord]:
    """Return the words with pieces that hold no letter or digit joined to a neighbour: openers right, others left."""
    attached: list[HeardWord] = []
    pending: HeardWord | None = None
    for word in words:
        bare = word.text.strip()
        if pending is not None:
            word, pending = _joined(pending, word), None
        if any(c.isalnum() for c in bare):
            attached.append(word)
        elif word.text.startswith(" ") and all(c in _OPENING for c in bare):
            pending = word
        elif attached:
            attached[-1] = _joined(attached[-1], word)
        else:
            pending = word
    if pending is not None and attached:
        attached[-1] = _joined(attached[-1], pending)
    return attached


def _joined(left: HeardWord, right: HeardWord) -> HeardWord:
    return HeardWord(left.text + right.text, left.start_s, right.end_s, left.probabilities + right.probabilities)


def placed_words(words: Sequence[HeardWord], offset_s: float, speech: Sequence[Span]) -> list[HeardWord]:
    """Return the words moved by the window's offset, cut back to the speech they touch, in order, none overlapping.

    The alignment gives every word the time until the next one starts, so the pauses between stretches of speech are
    inside words: a word that reaches over a pause keeps the side on which it has more.
    """
    placed: list[HeardWord] = []
    floor_s = speech[0].start_s if speech else offset_s
    ceiling_s = speech[-1].end_s if speech else math.inf
    for word in words:
        start_s, end_s = word.start_s + offset_s, word.end_s + offset_s
        for before, after in pairwise(speech):
            start_s, end_s = _off_the_pause(start_s, end_s, before.end_s, after.start_s)
        start_s = min(max(start_s, floor_s), ceiling_s)
        end_s = min(max(end_s, start_s), ceiling_s)
        placed.append(replace(word, start_s=round(start_s, 3), end_s=round(end_s, 3)))
        floor_s = end_s
    return placed


def _off_the_pause(start_s: float, end_s: float, pause_start_s: float, pause_end_s: float) -> tuple[float, float]:
    """Return the word's stretch without a pause that it reaches into; a word wholly inside the pause stays."""
    if end_s <= pause_start_s or start_s >= pause_end_s or (start_s >= pause_start_s and end_s <= pause_end_s):
        return start_s, end_s
    if pause_start_s - start_s >= end_s - pause_end_s:
        return start_s, pause_start_s
    return pause_end_s, end_s


def segments(words: Sequence[HeardWord], *, keep_words: bool = True) -> list[Segment]:
    """Return the words as segments: one per sentence or pause, cut at clauses where longer than LONGEST_SEGMENT_S."""
    found: list[list[HeardWord]] = []
    for i, word in enumerate(words):
        if i == 0 or _ends_segment(words[i - 1], word.start_s - words[i - 1].end_s):
            found.append([])
        found[-1].append(word)
    return [_segment(part, keep_words) for sentence in found for part in _short_enough(sentence)]


def _ends_segment(word: HeardWord, pause_s: float) -> bool:
    limit_s = CLAUSE_PAUSE_S if word.text.rstrip().endswith(_CLAUSE_ENDS) else PAUSE_S
    return pause_s >= limit_s or _ends_sentence(word)


def _ends_sentence(word: HeardWord) -> bool:
    text = word.text.strip().rstrip("\"'”’»)]」』")
    initial = len(text) == 2 and text[0].isupper() and text[0] not in "AIO"
    return text.endswith(_SENTENCE_ENDS) and text.lower() not in _ABBREVIATIONS and not (initial and text[1] == ".")


def _short_enough(words: list[HeardWord]) -> list[list[HeardWord]]:
    """Return a sentence in parts of at most LONGEST_SEGMENT_S, cut after a clause near its middle if it has one."""
    length_s = words[-1].end_s - words[0].start_s
    if length_s <= LONGEST_SEGMENT_S or len(words) == 1:
        return [words]
    middle_s = words[0].start_s + length_s / 2

    def badness(cut: int) -> float:
        comma = words[cut - 1].text.rstrip().endswith(_CLAUSE_ENDS)
        pause_s = max(0.0, words[cut].start_s - words[cut - 1].end_s)
        return abs(words[cut - 1].end_s - middle_s) / length_s - (0.5 if comma else 0.0) - min(pause_s, 0.5)

    cut = min(range(1, len(words)), key=badness)
    return [*_short_enough(words[:cut]), *_short_enough(words[cut:])]


def _segment(words: Sequence[HeardWord], keep_words: bool) -> Segment:
    tokens = [p for word in words for p in word.probabilities]
    return Segment(
        start_s=words[0].start_s,
        end_s=words[-1].end_s,
        text="".join(word.text for word in words).strip(),
        confidence=geometric_mean(tokens),
        words=tuple(_word(word) for word in words) if keep_words else (),
    )


def _word(word: HeardWord) -> Word:
    return Word(word.start_s, word.end_s, word.text.strip(), geometric_mean(word.probabilities))


def geometric_mean(probabilities: Sequence[float]) -> float:
    """Return the geometric mean of probabilities, 0 for none; zeros count as the smallest float32."""
    if not probabilities:
        return 0.0
    return math.exp(sum(math.log(min(1.0, max(p, 1.2e-38))) for p in probabilities) / len(probabilities))
