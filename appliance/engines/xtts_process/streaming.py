"""One utterance in pieces while it is being made: codes from the library's stream, sound as soon as it is certain."""

from collections.abc import Iterator

import numpy as np
import torch

from appliance.engines.xtts_process.batch import vocode
from appliance.engines.xtts_process.loading import Loaded
from appliance.engines.xtts_process.rows import Row
from appliance.engines.xtts_process.stopping import Asked, Cancelled

FIRST_CODES = 10
"""The first piece is short, so that it comes early: 10 codes are 0.46 s of sound, of which 0.36 s are certain."""
LATER_CODES = 24
"""About 1.1 s each. The sound is computed from the beginning each time, so that nothing has to be blended."""
UNCERTAIN_SAMPLES = 2_400
"""The end of a piece still changes with the codes behind it, as far as the vocoder looks: 1,420 samples (measured)."""


@torch.inference_mode()
def stream(
    loaded: Loaded, row: Row, cancelled: Asked = lambda: False, first: int = FIRST_CODES, later: int = LATER_CODES
) -> Iterator[np.ndarray]:
    """Yield the samples of `batch.speak` piece by piece; raises Cancelled. `first` and `later` count codes, 0: all."""
    latents: list[torch.Tensor] = []
    given, due = 0, first
    for latent in _latents(loaded, row):
        if cancelled():
            raise Cancelled
        latents.append(latent)
        if due and len(latents) == due:
            due += later
            sound = vocode(loaded, torch.cat(latents), row.embedding)
            certain = len(sound) - UNCERTAIN_SAMPLES
            if certain > given:
                yield sound[given:certain]
                given = certain
    yield vocode(loaded, torch.cat(latents), row.embedding)[given:]


@torch.inference_mode()
def _latents(loaded: Loaded, row: Row) -> Iterator[torch.Tensor]:
    """Yield the latent [1, width] of each code."""
    gpt = loaded.gpt
    ids = gpt.compute_embeddings(row.latents, row.tokens[None])
    try:
        yield from (latent for _, latent in gpt.get_generator(**_search(loaded, row, ids)))
    finally:
        gpt.gpt_inference.store_prefix_emb(None)


def _search(loaded: Loaded, row: Row, ids: torch.Tensor) -> dict[str, object]:
    # The library's stream always draws. Our processors leave it one token to draw, so it needs no settings of its own;
    # without them (greedy) the likeliest token has to be the only candidate.
    sampling = loaded.sampling
    drawn = sampling.processors([row.seed], ids.shape[1], loaded.gpt.max_gen_mel_tokens, ids.device)
    return {
        "fake_inputs": ids,
        "logits_processor": drawn,
        "top_k": 1 if sampling.greedy else 0,
        "top_p": 1.0,
        "temperature": 1.0,
        "do_sample": True,
        "num_beams": 1,
        "num_return_sequences": 1,
        "length_penalty": 1.0,
        "repetition_penalty": sampling.repetition_penalty,
        "output_attentions": False,
        "output_hidden_states": True,
    }
