"""Loading XTTS from a folder whose files were compared with the catalog before, or building one with random weights."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from TTS.tts.configs.xtts_config import XttsConfig
from TTS.tts.models.xtts import Xtts

from appliance.engines.xtts_process.sampling import Sampling

CONFIG, WEIGHTS, VOCABULARY, SPEAKERS = "config.json", "model.pth", "vocab.json", "speakers_xtts.pth"


@dataclass(frozen=True)
class Loaded:
    """The model on its device, and what its configuration says about using it."""

    model: Xtts
    sampling: Sampling
    config: XttsConfig

    @property
    def gpt(self) -> Any:
        """Return the network that turns text into codes."""
        return self.model.gpt

    @property
    def device(self) -> torch.device:
        """Return where the weights are."""
        return next(self.model.parameters()).device

    @property
    def rate_hz(self) -> int:
        """Return the rate of what is spoken."""
        return int(self.model.args.output_sample_rate)


def load(folder: Path, device: str, *, greedy: bool = False) -> Loaded:
    """Return the model of a folder with CONFIG, WEIGHTS, VOCABULARY and, where there are stock voices, SPEAKERS."""
    # torch then refuses everything in a checkpoint that is not a tensor, whatever the library asks it for.
    os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = "1"
    config = XttsConfig()
    config.load_json(str(folder / CONFIG))
    model = Xtts(config)
    model.load_checkpoint(config, checkpoint_dir=str(folder), eval=True)
    return _ready(model, config, device, greedy=greedy)


def built(config: XttsConfig, device: str, seed: int = 0) -> Loaded:
    """Return a model of this shape with random weights; it makes noise, as long as a real one takes for speech."""
    torch.manual_seed(seed)
    model = Xtts(config)
    model.eval()
    return _ready(model, config, device, greedy=False)


def _ready(model: Xtts, config: XttsConfig, device: str, *, greedy: bool) -> Loaded:
    model.to(device)
    sampling = Sampling(
        temperature=float(config.temperature), top_k=int(config.top_k), top_p=float(config.top_p),
        repetition_penalty=float(config.repetition_penalty), greedy=greedy,
    )  # fmt: skip
    return Loaded(model, sampling, config)
