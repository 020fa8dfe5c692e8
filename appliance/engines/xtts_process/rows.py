"""Rows for the model: text as tokens, a voice as tensors; what cannot be said is found out before the batch runs."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from appliance.engines.xtts_process.loading import Loaded

CHINESE = {"zh": "zh-cn"}
"""Languages that XTTS has under another name than BCP-47."""


class RowRefused(Exception):
    """A row cannot be spoken; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Row:
    """One utterance: its text's tokens [n], the voice's latents [1, positions, width] and embedding [1, 512, 1]."""

    tokens: torch.Tensor
    latents: torch.Tensor
    embedding: torch.Tensor
    seed: int

    def prefix(self, gpt: Any) -> torch.Tensor:
        """Return what the model sees before the first code: conditioning, then text, [positions + n + 2, width]."""
        text = functional.pad(self.tokens[None], (1, 0), value=gpt.start_text_token)
        text = functional.pad(text, (0, 1), value=gpt.stop_text_token)
        return torch.cat([self.latents, gpt.text_embedding(text) + gpt.text_pos_embedding(text)], dim=1)[0]


def prepared(loaded: Loaded, text: str, language: str, seed: int, latents: np.ndarray, embedding: np.ndarray) -> Row:
    """Return a row on the model's device or raise RowRefused: `bad_voice`, `unspeakable`, `too_long`."""
    arguments, device = loaded.model.args, loaded.device
    fits = latents.ndim == 3 and latents.shape[0] == 1 and latents.shape[2] == arguments.gpt_n_model_channels
    if not fits or embedding.shape != (1, arguments.d_vector_dim, 1) or not _finite(latents, embedding):
        raise RowRefused("bad_voice")
    tokens = encoded(loaded, text, language)
    if not tokens:
        raise RowRefused("unspeakable")
    # The library's own limit; two more places are for the start and the stop token.
    if len(tokens) >= arguments.gpt_max_text_tokens:
        raise RowRefused("too_long")
    return Row(
        torch.tensor(tokens, dtype=torch.long, device=device),
        torch.from_numpy(np.array(latents)).to(device),
        torch.from_numpy(np.array(embedding)).to(device),
        seed,
    )


def encoded(loaded: Loaded, text: str, language: str) -> list[int]:
    """Return a text's tokens, with the language's own first, as the library makes them for `inference`."""
    try:
        return list(loaded.model.tokenizer.encode(text.strip().lower(), lang=CHINESE.get(language, language)))
    except (NotImplementedError, KeyError, ValueError, IndexError, OverflowError) as failure:
        # Expanding numbers and currencies fails on figures that no language has words for.
        raise RowRefused("unspeakable") from failure


def _finite(*arrays: np.ndarray) -> bool:
    return all(bool(np.isfinite(array).all()) for array in arrays)
