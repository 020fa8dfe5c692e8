"""Translation the way Argos Translate does it, one sentence and one call at a time, on the same pack."""

from collections.abc import Sequence
from pathlib import Path

import ctranslate2

from appliance.engines.argos_library import open_package

BEAM = 4
"""Argos Translate 1.11's own, and the appliance's."""
LENGTH_PENALTY = 0.2


class SentenceBySentence:
    """A pack loaded once; every call translates one sentence."""

    def __init__(self, pack: Path, *, workers: int = 1, threads_each: int = 1) -> None:
        """Load the pack in a folder; 0 threads means CTranslate2's default."""
        package = open_package(pack)
        self._translator = ctranslate2.Translator(
            str(pack / "model"), device="cpu", inter_threads=workers, intra_threads=threads_each
        )
        self._tokenizer = package.tokenizer
        self.workers = workers
        self._prefix: str = package.target_prefix

    def tokens(self, sentence: str) -> list[str]:
        """Return a sentence as the pack's own tokens."""
        return list(self._tokenizer.encode(sentence))

    def search(self, sentences: Sequence[list[str]], batch_tokens: int = 0) -> list[list[str]]:
        """Return the best translation of each tokenized sentence, from one CTranslate2 call; 0: one batch."""
        results = self._translator.translate_batch(
            list(sentences),
            target_prefix=[[self._prefix]] * len(sentences) if self._prefix else None,
            max_batch_size=batch_tokens,
            batch_type="tokens" if batch_tokens else "examples",
            beam_size=BEAM,
            length_penalty=LENGTH_PENALTY,
            replace_unknowns=True,
        )
        return [result.hypotheses[0] for result in results]

    def translate(self, sentence: str) -> str:
        """Return a sentence's best translation."""
        (tokens,) = self.search([self.tokens(sentence)])
        kept = tokens[1:] if self._prefix and tokens[:1] == [self._prefix] else tokens
        return self._tokenizer.decode(kept).strip()
