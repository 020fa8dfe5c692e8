"""Word error rate as every receipt, bench and demo of this product defines it."""

import unicodedata

import jiwer


def words(text: str) -> list[str]:
    """Return the text's words casefolded, with accents stripped and punctuation taken as space."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    # Marks (category M) go: accents, and the vowel signs of Indic scripts, which are no combining characters.
    kept = "".join(c if c.isalnum() else "" if unicodedata.category(c)[0] == "M" else " " for c in decomposed)
    return kept.split()


def word_error_rate(reference: str, heard: str) -> float:
    """Return (substitutions + deletions + insertions) / words of the reference; can exceed 1.

    Without a word in the reference: 0 when nothing was heard either, else 1 per heard word.
    """
    expected, found = words(reference), words(heard)
    if not expected:
        return float(len(found))
    return float(jiwer.wer(" ".join(expected), " ".join(found)))
