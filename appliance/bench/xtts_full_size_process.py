"""XTTS in its real size, 30 layers of 1,024 channels, with random weights: what it takes and how batching pays.

Run by the interpreter of XTTS's environment, with the device and the sizes of batches as arguments; prints a line of
JSON per measurement. Everything that weights do not change is the real thing: memory, passes, kernels, the vocoder.
"""

import json
import resource
import sys
import time
from typing import Any

import torch
from TTS.tts.configs.xtts_config import XttsConfig

from appliance.engines.xtts_process.batch import codes_to_latents, generate, padded, vocode
from appliance.engines.xtts_process.loading import Loaded, built
from appliance.engines.xtts_process.rows import Row
from appliance.engines.xtts_process.streaming import FIRST_CODES, stream

TEXT_TOKENS, SPOKEN_TOKENS = 6681, 60
"""The real vocabulary's size, and the tokens of a sentence of some 15 words."""
CODES = 129
"""Six seconds of sound."""
CODES_PER_S = 22_050 / 1_024


def full_size() -> XttsConfig:
    """Return the configuration of XTTS-v2."""
    config = XttsConfig()
    shape = config.model_args
    shape.gpt_number_text_tokens, shape.gpt_start_text_token, shape.gpt_stop_text_token = TEXT_TOKENS, 261, 0
    shape.gpt_num_audio_tokens, shape.gpt_start_audio_token, shape.gpt_stop_audio_token = 1026, 1024, 1025
    shape.gpt_use_perceiver_resampler = True
    return config


def main() -> None:
    """Print what was measured, a line each."""
    device, sizes = sys.argv[1], [int(size) for size in sys.argv[2:]]
    started_s = time.perf_counter()
    loaded = built(full_size(), device)
    gpt = loaded.gpt
    gpt.max_gen_mel_tokens = CODES
    with torch.no_grad():
        gpt.mel_head.bias[gpt.stop_audio_token] = -1e4
    parameters = sum(weights.numel() for weights in loaded.model.parameters())
    _say(
        what="loaded", seconds=time.perf_counter() - started_s, parameters=parameters, torch=torch.__version__,
        device=torch.cuda.get_device_name() if device == "cuda" else f"cpu, {torch.get_num_threads()} threads",
        **_memory(device),
    )  # fmt: skip
    _batch(loaded, 1)  # what is compiled, allocated and chosen at the first pass is not what later ones take
    for size in sizes:
        _say(what="batch", rows=size, codes=CODES, **_batch(loaded, size), **_memory(device))
    _say(what="stream", **_stream(loaded))


def _rows(loaded: Loaded, count: int) -> list[Row]:
    chance = torch.Generator().manual_seed(count)
    return [
        Row(
            torch.randint(300, TEXT_TOKENS, (SPOKEN_TOKENS - 3 * (number % 5),), generator=chance).to(loaded.device),
            torch.randn(1, 32, 1024, generator=chance).to(loaded.device),
            torch.nn.functional.normalize(torch.randn(1, 512, 1, generator=chance), dim=1).to(loaded.device),
            number,
        )
        for number in range(count)
    ]


@torch.inference_mode()
def _batch(loaded: Loaded, size: int) -> dict[str, float]:
    rows = _rows(loaded, size)
    marks = [_now()]
    prefixes, mask = padded(loaded, rows)
    codes = generate(loaded, rows, prefixes, mask, lambda: False)
    marks.append(_now())
    latents = codes_to_latents(loaded, prefixes, mask, codes)
    marks.append(_now())
    for row, of_row in zip(rows, latents, strict=True):
        vocode(loaded, of_row, row.embedding)
    marks.append(_now())
    names = ("codes_s", "latents_s", "vocoder_s")
    spent = {name: end - begin for name, begin, end in zip(names, marks, marks[1:], strict=False)}
    return spent | {"whole_s": marks[-1] - marks[0], "audio_s": size * CODES / CODES_PER_S}


def _stream(loaded: Loaded) -> dict[str, float]:
    (row,) = _rows(loaded, 1)
    started_s = _now()
    pieces = stream(loaded, row)
    next(pieces)
    first_s = _now() - started_s
    for _ in pieces:
        pass
    return {"first_s": first_s, "whole_s": _now() - started_s, "first_codes": FIRST_CODES}


def _now() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def _memory(device: str) -> dict[str, int]:
    if device == "cuda":
        return {"memory_bytes": torch.cuda.max_memory_reserved(), "allocated_bytes": torch.cuda.max_memory_allocated()}
    return {"memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}


def _say(**facts: Any) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
