"""Translation the way Argos Translate does it, one sentence and one call at a time, on the same pack."""

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
        self._prefix: str = package.target_prefix

    def translate(self, sentence: str) -> str:
        """Return a sentence's best translation."""
        result = self._translator.translate_batch(
            [self._tokenizer.encode(sentence)],
            target_prefix=[[self._prefix]] if self._prefix else None,
            beam_size=BEAM,
            length_penalty=LENGTH_PENALTY,
            replace_unknowns=True,
        )[0]
        tokens = result.hypotheses[0]
        kept = tokens[1:] if self._prefix and tokens[:1] == [self._prefix] else tokens
        return self._tokenizer.decode(kept).strip()
