"""What XTTS needs to know of a speaker, computed from recordings once and handed out: nothing of it stays here."""

from collections.abc import Sequence

import numpy as np
import torch
import torchaudio

from appliance.engines.xtts_process.loading import Loaded

REFERENCE_HZ = 16_000
MODEL_HZ = 22_050
LEAST_S = 1.0
"""The library passes over pieces under 0.33 s and has no answer when none is left; a second is no voice either."""


class TooShort(Exception):
    """The recordings together are too short to show a voice."""


@torch.inference_mode()
def conditioning(loaded: Loaded, references: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return latents [1, positions, width] and speaker embedding [1, 512, 1] of recordings at 16 kHz, float32.

    As the library's own `get_conditioning_latents` does with files: each recording gives an embedding, their mean
    counts; the latents come from all recordings joined. Raises TooShort.
    """
    if sum(len(reference) for reference in references) < LEAST_S * REFERENCE_HZ:
        raise TooShort
    config, model = loaded.config, loaded.model
    longest = int(config.max_ref_len) * MODEL_HZ
    tensors = [torch.from_numpy(np.array(reference, np.float32))[None] for reference in references]
    sounds = [torchaudio.functional.resample(each, REFERENCE_HZ, MODEL_HZ)[:, :longest].clip(-1, 1) for each in tensors]
    if config.sound_norm_refs:
        sounds = [each / each.abs().max().clamp(min=1e-6) * 0.75 for each in sounds]
    embeddings = [model.get_speaker_embedding(each.to(loaded.device), MODEL_HZ) for each in sounds]
    latents = model.get_gpt_cond_latents(
        torch.cat(sounds, dim=-1).to(loaded.device), MODEL_HZ, length=int(config.gpt_cond_len),
        chunk_length=int(config.gpt_cond_chunk_len),
    )  # fmt: skip
    return _kept(latents), _kept(torch.stack(embeddings).mean(dim=0))


def stock(loaded: Loaded, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return latents and embedding of a voice that came with the weights, the first one without a name; KeyError."""
    known = loaded.model.speaker_manager.speakers if loaded.model.speaker_manager else {}
    chosen = known[name or next(iter(known), "")]
    return _kept(chosen["gpt_cond_latent"]), _kept(chosen["speaker_embedding"])


def speakers(loaded: Loaded) -> list[str]:
    """Return the names of the voices that came with the weights."""
    return list(loaded.model.speaker_manager.speakers) if loaded.model.speaker_manager else []


def _kept(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().float().cpu().numpy()
