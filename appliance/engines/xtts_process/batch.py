"""Many speakers, languages and texts in one pass through XTTS, row for row what each would be alone.

Rows are padded on the left, so that every row's first code stands at the same place and attention passes over the
padding. Unmasked, 54 of 80 rows came out with other codes; masked, none (coqui-tts 0.28, two layers, greedy).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional
from transformers import StoppingCriteria, StoppingCriteriaList

from appliance.engines.xtts_process.loading import Loaded
from appliance.engines.xtts_process.rows import Row
from appliance.engines.xtts_process.stopping import Asked, Cancelled


@dataclass(frozen=True)
class Said:
    """One utterance: mono float32 samples, its codes, and whether the model ended it by itself."""

    samples: np.ndarray
    codes: np.ndarray
    ended: bool


class _Stop(StoppingCriteria):
    def __init__(self, cancelled: Asked) -> None:
        self._cancelled = cancelled

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **_: object) -> torch.Tensor:
        return torch.full((input_ids.shape[0],), self._cancelled(), dtype=torch.bool, device=input_ids.device)


@torch.inference_mode()
def speak(loaded: Loaded, rows: Sequence[Row], cancelled: Asked = lambda: False) -> list[Said]:
    """Return every row's utterance, in order; raises Cancelled."""
    prefixes, mask = padded(loaded, rows)
    codes = generate(loaded, rows, prefixes, mask, cancelled)
    latents = codes_to_latents(loaded, prefixes, mask, codes)
    said = []
    for row, taken, of_row in zip(rows, codes, latents, strict=True):
        if cancelled():
            raise Cancelled
        # One by one: padding changes up to the last 1,420 samples of the shorter rows.
        samples = vocode(loaded, of_row, row.embedding)
        said.append(Said(samples, taken.cpu().numpy(), bool(taken[-1] == loaded.gpt.stop_audio_token)))
    return said


def padded(loaded: Loaded, rows: Sequence[Row]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the prefixes [rows, longest, width], padded on the left, and their mask [rows, longest]."""
    prefixes = [row.prefix(loaded.gpt) for row in rows]
    longest = max(len(prefix) for prefix in prefixes)
    together = torch.stack([functional.pad(each, (0, 0, longest - len(each), 0)) for each in prefixes])
    ones = [torch.ones(len(each), dtype=torch.long, device=together.device) for each in prefixes]
    mask = torch.stack([functional.pad(each, (longest - len(each), 0)) for each in ones])
    return together, mask


def generate(
    loaded: Loaded, rows: Sequence[Row], prefixes: torch.Tensor, mask: torch.Tensor, cancelled: Asked
) -> list[torch.Tensor]:
    """Return each row's codes, the stop token last where the model gave one; raises Cancelled."""
    gpt, device = loaded.gpt, prefixes.device
    longest = prefixes.shape[1]
    # The library puts 1 where the prefix stands; the repetition penalty sees it, so a batch has to do the same.
    ids = torch.ones(len(rows), longest + 1, dtype=torch.long, device=device)
    ids[:, -1] = gpt.start_audio_token
    seen = functional.pad(mask, (0, 1), value=1)
    gpt.gpt_inference.store_prefix_emb(prefixes)
    try:
        drawn = gpt.gpt_inference.generate(
            ids,
            attention_mask=seen,
            bos_token_id=gpt.start_audio_token,
            pad_token_id=gpt.stop_audio_token,
            eos_token_id=gpt.stop_audio_token,
            max_length=ids.shape[1] + gpt.max_gen_mel_tokens,
            do_sample=False,
            num_beams=1,
            repetition_penalty=loaded.sampling.repetition_penalty,
            logits_processor=loaded.sampling.processors(
                [row.seed for row in rows], ids.shape[1], gpt.max_gen_mel_tokens, device
            ),
            stopping_criteria=StoppingCriteriaList([_Stop(cancelled)]),
        )[:, ids.shape[1] :]
    finally:
        # The prefix holds the speakers' conditioning; it would lie there until the next call.
        gpt.gpt_inference.store_prefix_emb(None)
    if cancelled():
        raise Cancelled
    return [_until_stop(codes, gpt.stop_audio_token) for codes in drawn]


def _until_stop(codes: torch.Tensor, stop: int) -> torch.Tensor:
    ends = (codes == stop).nonzero()
    return codes[: int(ends[0, 0]) + 1] if len(ends) else codes


def codes_to_latents(
    loaded: Loaded, prefixes: torch.Tensor, mask: torch.Tensor, codes: Sequence[torch.Tensor]
) -> list[torch.Tensor]:
    """Return each row's latents [codes, width] from one masked pass: prefix on the left, codes padded on the right."""
    gpt = loaded.gpt
    longest = max(len(each) for each in codes)
    audio = torch.stack(
        [functional.pad(each, (0, longest - len(each)), value=gpt.stop_audio_token) for each in codes]
    )  # fmt: skip
    audio = functional.pad(audio, (1, 0), value=gpt.start_audio_token)
    embedded = torch.cat([prefixes, gpt.mel_embedding(audio) + gpt.mel_pos_embedding(audio)], dim=1)
    seen = functional.pad(mask, (0, audio.shape[1]), value=1)
    hidden = gpt.gpt(inputs_embeds=embedded, attention_mask=seen, return_dict=True).last_hidden_state
    latents = gpt.final_norm(hidden)[:, prefixes.shape[1] :]
    return [of_row[: len(each)] for of_row, each in zip(latents, codes, strict=True)]


def vocode(loaded: Loaded, latents: torch.Tensor, embedding: torch.Tensor) -> np.ndarray:
    """Return the samples of one row's latents."""
    sound = loaded.model.hifigan_decoder(latents[None], g=embedding)
    return sound.reshape(-1).float().cpu().numpy()
