"""Cutting text into sentences and joining recorded segments into sentences, by rules alone: nothing is downloaded.

Translation models are trained on single sentences, while Whisper cuts where the speaker breathes. So segments are first
joined into whole sentences (`merge_segments`), each of which remembers the segments it came from.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

# Sentence ends of the scripts that Whisper writes: Latin and Cyrillic, CJK, Arabic, Devanagari, Armenian, Ethiopic,
# Burmese, Khmer, Tibetan (Unicode property Sentence_Terminal).
_WIDE_ENDS = "。！？｡"
_ENDS = ".!?…؟۔।॥։።၊။៖។།" + _WIDE_ENDS
_CLOSERS = "\"'”’»)]}」』）›"
_CLOSED = f"[{re.escape(_CLOSERS)}]*"
_BOUNDARY = re.compile(rf"[{re.escape(_ENDS)}]+{_CLOSED}(?=\s|$)|[{_WIDE_ENDS}]+{_CLOSED}")
_CLAUSE = re.compile(r"[,;:،、，；—–]\s*|\s[-–—]\s")

# Shortened words that a full stop follows inside a sentence, in the languages of the starter packs and German. Not
# here: those that are words themselves or mostly end a sentence ("no.", "etc.").
_ABBREVIATED = (
    "mr mrs ms dr prof st jr sr gen capt lt rev vs approx nos fig dept ltd ave mm mme mlle mgr av bd env cf chap éd "
    "sra srta srs sres dra dña ud uds vd vds núm pág págs ej avda izq dcha prov p pp bzw str nr hr"
)
_ABBREVIATIONS = frozenset(_ABBREVIATED.split())
# Languages written without spaces between sentences.
_UNSPACED = frozenset({"zh", "ja", "yue", "th", "lo", "km", "my", "bo"})


@dataclass(frozen=True, slots=True)
class Share:
    """How many characters of a sentence came from which segment."""

    segment: int
    characters: int


@dataclass(frozen=True, slots=True)
class MergedSentence:
    """One sentence of a recording and the segments it came from, in order."""

    text: str
    shares: tuple[Share, ...]


def joiner(language: str) -> str:
    """Return what stands between two sentences in a language: a space, or nothing where words are not spaced."""
    return "" if language.split("-")[0] in _UNSPACED else " "


def has_words(text: str) -> bool:
    """Return whether the text holds a letter of any script, so that there is something to translate."""
    return any(character.isalpha() for character in text)


def split_sentences(text: str) -> list[str]:
    """Return the sentences of a text, stripped, in order; together they hold every character that is not a space."""
    return [sentence for line in text.splitlines() for sentence in _split_line(line)]


def _split_line(line: str) -> list[str]:
    sentences: list[str] = []
    start = 0
    for found in _BOUNDARY.finditer(line):
        if _ends_here(line, start, found):
            sentences.append(line[start : found.end()].strip())
            start = found.end()
    sentences.append(line[start:].strip())
    return [sentence for sentence in sentences if sentence]


def _ends_here(line: str, start: int, found: re.Match[str]) -> bool:
    following = line[found.end() :].lstrip()
    mark = found.group().rstrip(_CLOSERS)
    # "Wait... what?" goes on; a capital, a figure or an unspaced script after the mark starts something new.
    if following and following[0].islower():
        return False
    if mark != ".":
        return True
    word = re.search(r"[^\s]*$", line[start : found.start()])
    written = word.group().lstrip("([\"'«“¿¡") if word else ""
    last = written.lower()
    if last.isnumeric() and not line[start : found.start()].strip()[: -len(last)].strip():
        return False  # "1. Open the door": the number of a list item belongs to what follows.
    is_initial = len(written) == 1 and written.isupper() and written != "I"
    parts = last.split(".")
    return not (last in _ABBREVIATIONS or is_initial or (len(parts) > 1 and all(len(part) <= 1 for part in parts)))


def break_long(sentence: str, fits: Callable[[str], bool]) -> list[str]:
    """Return the sentence cut into parts that fit, at clauses if possible, else between words, else anywhere.

    A part of one character is returned even if it does not fit.
    """
    sentence = sentence.strip()
    if len(sentence) <= 1 or fits(sentence):
        return [sentence] if sentence else []
    cut = _best_cut(sentence)
    return break_long(sentence[:cut], fits) + break_long(sentence[cut:], fits)


def _best_cut(sentence: str) -> int:
    middle = len(sentence) // 2
    clauses = [found.end() for found in _CLAUSE.finditer(sentence)]
    # A clause end in the outer fifths would leave a crumb that translates badly on its own.
    inner = [cut for cut in clauses if len(sentence) // 5 < cut < len(sentence) - len(sentence) // 5]
    spaces = [found.start() for found in re.finditer(r"(?<=\S)\s+(?=\S)", sentence)]
    for cuts in (inner, spaces):
        if cuts:
            return min(cuts, key=lambda cut: abs(cut - middle))
    return middle


def merge_segments(segments: Sequence[str], language: str, *, longest_characters: int = 400) -> list[MergedSentence]:
    """Return the sentences of a recording's segments, joined over the cuts that fell inside a sentence.

    Segments without any punctuation are joined up to `longest_characters`; empty segments appear in no sentence.
    """
    space = joiner(language)
    sentences: list[MergedSentence] = []
    text, shares = "", list[Share]()

    def close() -> None:
        nonlocal text, shares
        if text:
            sentences.append(MergedSentence(text, tuple(shares)))
        text, shares = "", []

    for index, segment in enumerate(segments):
        for part in split_sentences(segment):
            if text and (_is_finished(text, part) or len(text) + len(part) > longest_characters):
                close()
            shares.append(Share(index, len(part)))
            text = f"{text}{space}{part}" if text else part
    close()
    return sentences


def _is_finished(text: str, following: str) -> bool:
    """Return whether the text ends a sentence, judged with what follows it."""
    return len(_split_line(f"{text} {following}")) > 1 if text.rstrip(_CLOSERS).endswith(tuple(_ENDS)) else False
