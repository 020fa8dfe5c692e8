"""Text in pieces that XTTS can say: whole sentences where they fit, with the pause behind each."""

from dataclasses import dataclass

from appliance.engines.sentences import break_long, has_words, joiner, split_sentences
from appliance.errors import TextUnspeakable

SHORT_CHARACTERS = 12
"""Below that XTTS tends to go on after the text (its known weakness), so a short sentence joins its neighbour."""
SENTENCE_PAUSE_S = 0.25
CLAUSE_PAUSE_S = 0.1


@dataclass(frozen=True, slots=True)
class Piece:
    """What is said in one go, and the silence behind it in seconds."""

    text: str
    pause_s: float = 0.0


def pieces(text: str, language: str, most_characters: int) -> list[Piece]:
    """Return the text's pieces, none longer than so many characters, the last without a pause; TextUnspeakable."""
    if not (has_words(text) or any(character.isdigit() for character in text)):
        raise TextUnspeakable("There is nothing in this text that XTTS can say.")
    space, sentences = joiner(language), list[str]()
    for sentence in split_sentences(text):
        last = sentences[-1] if sentences else ""
        is_short = last and min(len(last), len(sentence)) < SHORT_CHARACTERS
        if is_short and len(last) + len(space) + len(sentence) <= most_characters:
            sentences[-1] = f"{last}{space}{sentence}"
        else:
            sentences.append(sentence)
    cut = [break_long(sentence, lambda part: len(part) <= most_characters) for sentence in sentences]
    found = [
        Piece(part, CLAUSE_PAUSE_S if place < len(parts) - 1 else SENTENCE_PAUSE_S)
        for parts in cut
        for place, part in enumerate(parts)
    ]
    return [*found[:-1], Piece(found[-1].text)]


def halves(piece: Piece) -> list[Piece]:
    """Return a piece cut near its middle, for one whose figures turn into more words than fit."""
    parts = break_long(piece.text, lambda part: len(part) <= (len(piece.text) + 1) // 2)
    return [*(Piece(part) for part in parts[:-1]), Piece(parts[-1], piece.pause_s)]
