"""Text to Kokoro's phonemes: what can be spoken, through which espeak-ng voice, cut where a speaker would breathe."""

import re
import threading
import unicodedata
from dataclasses import dataclass

import espeakng_loader
from kokoro_onnx.config import DEFAULT_VOCAB
from phonemizer.backend import EspeakBackend
from phonemizer.backend.espeak.wrapper import EspeakWrapper

from appliance.errors import TextUnspeakable

MAX_TOKENS = 510
"""Kokoro's context without its two boundary tokens."""

ESPEAK_VOICES = {"en": "en-us", "es": "es", "fr": "fr-fr", "hi": "hi", "it": "it", "pt": "pt-br"}
"""The languages with stock voices that espeak-ng reads well; Japanese and Chinese need dictionaries of their own."""

SENTENCE_PAUSE_S = 0.28
CLAUSE_PAUSE_S = 0.12

_SENTENCE_ENDS = ".!?…"
_CLAUSE_ENDS = ",;:—"
_TIE = "^"
# Kokoro learned English from misaki, which writes diphthongs and affricates as one symbol; espeak's tie marks them.
# Source of the table: misaki's EspeakG2P (hexgrad/misaki, Apache-2.0).
_TIED = {
    "a^ɪ": "I",
    "a^ʊ": "W",
    "d^z": "ʣ",
    "d^ʒ": "ʤ",
    "e^ɪ": "A",
    "o^ʊ": "O",
    "ə^ʊ": "Q",
    "t^s": "ʦ",
    "t^ʃ": "ʧ",
    "ɔ^ɪ": "Y",
}
_ENGLISH = {"ɜːɹ": "ɜɹ", "ɜː": "ɜɹ", "ɚ": "əɹ", "ː": "", "r": "ɹ", "x": "k", "ɐ": "ə", "ʔ": "t", "n̩": "ᵊn", "l̩": "ᵊl"}

# Marks from other scripts and typography, as the marks that Kokoro knows.
_MARKS = str.maketrans(
    {
        "。": ". ",
        "，": ", ",
        "、": ", ",
        "！": "! ",
        "？": "? ",
        "；": "; ",
        "：": ": ",
        "।": ". ",
        "॥": ". ",
        "–": " — ",
    }
    | dict.fromkeys("()[]{}", ", ")
    | dict.fromkeys('«»“”„"‹›¡¿*_~|<>\\^', " ")
    | {"’": "'", "‘": "'", "\t": " ", "\r": "\n"}
)
# A full stop or comma inside a number or an abbreviation is for espeak to read, so only one at the end of a word ends
# a clause. The look-behind keeps a row of a hundred thousand marks from being tried at each of its places.
_PIECE = re.compile(r"(?<![.,:;!?…—])[.,:;!?…—]++(?=\s|$)|[!?;…—]+|\n+")
# Their full stop ends no sentence; espeak-ng reads them in full without it.
_TITLES = re.compile(r"\b(Mr|Mrs|Ms|Dr|Prof|St|Mme|Mlle|Sr|Sra|Srta|Dra|Sig|Dott)\.(?=\s)")


@dataclass(frozen=True, slots=True)
class Chunk:
    """Token ids for one run of the model, and the silence that belongs behind it."""

    tokens: tuple[int, ...]
    pause_s: float


def speakable_text(text: str, language: str) -> str:
    """Return the text without emoji and pictures, or raise TextUnspeakable where no letter or digit can be spoken.

    A letter can be spoken when its script is the language's (Latin, and Devanagari for Hindi): espeak-ng spells the
    others out by the names of their alphabets. Text in which such letters are the majority is refused.
    """
    if language not in ESPEAK_VOICES:
        raise TextUnspeakable(f"Kokoro does not speak '{language[:20]}'.")
    kept = "".join(c for c in unicodedata.normalize("NFC", text) if not _is_picture(c))
    letters = [c for c in kept if c.isalpha()]
    foreign = sum(not _in_script(c, language) for c in letters)
    if foreign * 2 > len(letters) or not any(c.isalnum() for c in kept):
        raise TextUnspeakable(f"There is nothing in the text that can be spoken in '{language}'.")
    return kept


def _is_picture(char: str) -> bool:
    # So: emoji and dingbats; Sk: their skin tones; Cs, Co, Cn: no characters. Variation selectors and joiners go with
    # them.
    return unicodedata.category(char) in {"So", "Sk", "Cs", "Co", "Cn"} or char in "\ufe0f\ufe0e\u200d\u20e3"


def _in_script(char: str, language: str) -> bool:
    name = unicodedata.name(char, "")
    return name.startswith(("LATIN", "FEMININE", "MASCULINE", "MICRO")) or (
        language == "hi" and name.startswith("DEVANAGARI")
    )


class Phonemes:
    """Turns text into Kokoro tokens with espeak-ng; safe to call from several threads."""

    def __init__(self) -> None:
        """Load the espeak-ng library that the installation carries, not the system's."""
        EspeakWrapper.set_library(espeakng_loader.get_library_path())
        EspeakWrapper.set_data_path(espeakng_loader.get_data_path())
        # espeak-ng keeps its voice in one global: a lock, not one backend per thread, keeps languages apart.
        self._lock = threading.Lock()
        self._backends: dict[str, EspeakBackend] = {}

    def chunks(self, text: str, language: str, max_tokens: int = MAX_TOKENS) -> list[Chunk]:
        """Return the text as runs of at most `max_tokens` tokens, or raise TextUnspeakable."""
        tokens = [
            (DEFAULT_VOCAB[p], p) for p in self.phonemes(speakable_text(text, language), language) if p in DEFAULT_VOCAB
        ]
        if not any(p.isalpha() for _, p in tokens):
            raise TextUnspeakable(f"There is nothing in the text that can be spoken in '{language}'.")
        return split_tokens(tokens, max_tokens)

    def phonemes(self, text: str, language: str) -> str:
        """Return the phonemes of a text with its punctuation, in Kokoro's alphabet."""
        marked = _TITLES.sub(r"\1", re.sub(r"[ \xa0]+", " ", text.translate(_MARKS)))
        spoken, at = [], 0
        for mark in _PIECE.finditer(marked):
            spoken.append(self._words(marked[at : mark.start()], language) + _as_mark(mark.group()))
            at = mark.end()
        spoken.append(self._words(marked[at:], language))
        joined = " ".join(piece for piece in spoken if piece)
        return re.sub(r"\s*([.,:;!?…—])[\s.,:;!?…—]*", r"\1 ", joined).strip(" ,:;—")

    def _words(self, words: str, language: str) -> str:
        if not any(c.isalnum() for c in words):
            return ""
        with self._lock:
            backend = self._backends.get(language) or self._open(language)
            raw = backend.phonemize([words], strip=True)[0]
        for tied, symbol in _TIED.items():
            raw = raw.replace(tied, symbol)
        if language == "en":
            for spoken, symbol in _ENGLISH.items():
                raw = raw.replace(spoken, symbol)
        return raw.replace(_TIE, "").replace("-", "")

    def _open(self, language: str) -> EspeakBackend:
        # Marks are handled above: a mark that never occurs keeps phonemizer from taking the points out of numbers.
        self._backends[language] = EspeakBackend(
            ESPEAK_VOICES[language],
            punctuation_marks="\0",
            with_stress=True,
            tie=_TIE,
            language_switch="remove-flags",
        )
        return self._backends[language]


def _as_mark(marks: str) -> str:
    """Return the strongest of several marks: `?!` asks, `...` trails off, a line break ends a sentence."""
    for mark in "?!":
        if mark in marks:
            return mark
    if "…" in marks or "..." in marks:
        return "…"
    return "." if "\n" in marks else marks[0]


def split_tokens(tokens: list[tuple[int, str]], max_tokens: int) -> list[Chunk]:
    """Return (id, phoneme) pairs as chunks of at most `max_tokens`, cut after a sentence, else a clause or a word."""
    chunks: list[Chunk] = []
    rest = tokens
    while rest:
        cut, pause_s = _cut(rest, max_tokens)
        run = _stripped(rest[:cut])
        if any(p.isalpha() for _, p in run):
            chunks.append(Chunk(tuple(i for i, _ in run), pause_s))
        rest = rest[cut:]
    return chunks


def _cut(tokens: list[tuple[int, str]], max_tokens: int) -> tuple[int, float]:
    if len(tokens) <= max_tokens:
        return len(tokens), 0.0
    # The later half only: a cut near the start would leave a scrap, and Kokoro reads scraps badly.
    for marks, pause_s in ((_SENTENCE_ENDS, SENTENCE_PAUSE_S), (_CLAUSE_ENDS, CLAUSE_PAUSE_S), (" ", 0.0)):
        for at in range(max_tokens, max_tokens // 2, -1):
            if tokens[at - 1][1] in marks:
                return at, pause_s
    return max_tokens, 0.0


def _stripped(tokens: list[tuple[int, str]]) -> list[tuple[int, str]]:
    first = next((n for n, (_, p) in enumerate(tokens) if p != " "), len(tokens))
    last = next((n for n, (_, p) in enumerate(reversed(tokens)) if p != " "), 0)
    return tokens[first : len(tokens) - last]
