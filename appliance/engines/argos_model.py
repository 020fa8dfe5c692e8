"""One loaded Argos pack: its CTranslate2 model and its own tokenizer."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ctranslate2

from appliance.engines import argos_library
from appliance.engines.argos_guard import most_tokens
from appliance.engines.sentences import has_words
from appliance.errors import EngineFailed, ModelCorrupt, PackRefused

MOST_TARGET_TOKENS = 250
"""Packs made from Marian configurations know 256 positions; beyond them CTranslate2 raises."""
MOST_BATCH_TOKENS = {"cpu": 256, "cuda": 2048}
"""On a CPU core a larger batch leaves its cache: 374 tokens of 32 sentences took 38 ms in one batch, 34.7 ms in two."""
LEAST_BATCH_TOKENS = 128
"""A batch smaller than about eight short sentences wastes the gain of batching (it saturates there at beam 4)."""


@dataclass(frozen=True, slots=True)
class Search:
    """How to look for a translation; the defaults of Argos Translate 1.11, for which its packs are tuned."""

    beam_size: int = 4
    hypotheses: int = 4
    length_penalty: float = 0.2
    no_repeat_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One translation of a sentence, with the mean log-probability of its tokens and its end mark."""

    text: str
    tokens: tuple[str, ...]
    score: float


class ArgosModel:
    """A pack in memory. Calls from several threads run side by side, up to `threads` batches at a time."""

    def __init__(self, folder: Path, *, threads: int, device: str, compute_type: str) -> None:
        """Load the pack in a folder; raise ModelCorrupt if it cannot be loaded."""
        try:
            package = argos_library.open_package(folder)
            # intra_threads=1: two threads inside one decoding step were slower than one on two cores, while two batches
            # side by side doubled the speed (27 to 13 ms per sentence). Pools of several runtimes in a process fight:
            # translating took 229 to 245 ms with the libraries' defaults, 65 to 67 ms with one thread here and
            # onnxruntime's not spinning.
            self._translator = ctranslate2.Translator(
                str(folder / "model"), device=device, compute_type=compute_type,
                inter_threads=threads if device == "cpu" else 1, intra_threads=1,
            )  # fmt: skip
            self._tokenizer = package.tokenizer
            # Loads the tokenizer now, so that no two threads do it at once later.
            self._tokenizer.encode("")
            self._vocabulary = _source_vocabulary(folder / "model")
        except (RuntimeError, ValueError, OSError, AttributeError) as error:
            raise ModelCorrupt(f"The language pack in {folder.name} cannot be loaded: {error}.") from error
        self._prefix: str = package.target_prefix
        self._threads = threads
        self._most_batch_tokens = MOST_BATCH_TOKENS["cpu" if device == "cpu" else "cuda"]

    def tokens(self, sentence: str) -> list[str]:
        """Return a sentence as the pack's own tokens."""
        return list(self._tokenizer.encode(sentence))

    def unknown(self, tokens: Sequence[str]) -> tuple[str, ...]:
        """Return the tokens that the model has never seen, without the tokenizer's marks, in order."""
        if not self._vocabulary:
            return ()
        bare = (token.replace("▁", "").removesuffix("@@") for token in tokens if token not in self._vocabulary)
        return tuple(token for token in bare if token)

    def knows_a_word(self, tokens: Sequence[str]) -> bool:
        """Return whether any token with a letter is one that the model has seen."""
        return any(has_words(token) and (not self._vocabulary or token in self._vocabulary) for token in tokens)

    def search(self, sentences: Sequence[Sequence[str]], how: Search) -> list[list[Hypothesis]]:
        """Return for each tokenized sentence its translations, best first, from one CTranslate2 call.

        CTranslate2 sorts by length and cuts into batches; the results come back in the order of the sentences.
        """
        if not sentences:
            return []
        share = -(-sum(map(len, sentences)) // self._threads)
        try:
            results = self._translator.translate_batch(
                [list(sentence) for sentence in sentences],
                target_prefix=[[self._prefix]] * len(sentences) if self._prefix else None,
                max_batch_size=max(LEAST_BATCH_TOKENS, min(self._most_batch_tokens, share)),
                batch_type="tokens",
                beam_size=how.beam_size,
                num_hypotheses=min(how.hypotheses, how.beam_size),
                length_penalty=how.length_penalty,
                no_repeat_ngram_size=how.no_repeat_tokens,
                max_decoding_length=min(MOST_TARGET_TOKENS, most_tokens(max(map(len, sentences))) + 1),
                replace_unknowns=True,
                return_scores=True,
            )
        except (RuntimeError, ValueError) as error:
            raise EngineFailed(f"The translation model stopped: {error}.") from error
        return [self._hypotheses(result, how) for result in results]

    def close(self) -> None:
        """Free the model's memory; calls under way finish first."""
        self._translator.unload_model()

    def _hypotheses(self, result: Any, how: Search) -> list[Hypothesis]:
        found: list[Hypothesis] = []
        for tokens, score in zip(result.hypotheses, result.scores, strict=True):
            # CTranslate2 divides the summed log-probability by length ** penalty, the end mark counted in the length
            # (checked against score_batch): undo it to get the mean per token.
            length = len(tokens) + 1
            mean = score * length**how.length_penalty / length
            kept = tokens[1:] if self._prefix and tokens[:1] == [self._prefix] else tokens
            found.append(Hypothesis(self._tokenizer.decode(list(kept)).strip(), tuple(kept), mean))
        return found


def try_out(folder: Path) -> None:
    """Load an unpacked pack and translate with it once, or raise PackRefused."""
    try:
        model = ArgosModel(folder, threads=1, device="cpu", compute_type="default")
        model.search([model.tokens("a")], Search(beam_size=1, hypotheses=1))
        model.close()
    except (ModelCorrupt, EngineFailed) as error:
        raise PackRefused(error.detail) from error


def _source_vocabulary(model: Path) -> frozenset[str]:
    """Return the tokens the encoder knows; empty for a model folder of a kind that does not list them."""
    for stem in ("source_vocabulary", "shared_vocabulary"):
        if (model / f"{stem}.json").is_file():
            return frozenset(json.loads((model / f"{stem}.json").read_text(encoding="utf-8")))
        if (model / f"{stem}.txt").is_file():
            return frozenset((model / f"{stem}.txt").read_text(encoding="utf-8").split("\n"))
    return frozenset()
