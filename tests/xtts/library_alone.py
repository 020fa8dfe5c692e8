"""Run by the environment's interpreter: rows through coqui-tts as its own documentation has it, one after the other."""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from TTS.tts.configs.xtts_config import XttsConfig
from TTS.tts.models.xtts import Xtts


def main(checkpoint: Path, folder: Path) -> None:
    torch.set_num_threads(1)
    config = XttsConfig()
    config.load_json(str(checkpoint / "config.json"))
    model = Xtts.init_from_config(config)
    model.load_checkpoint(config, checkpoint_dir=str(checkpoint), eval=True)
    rows, voices, said = json.loads((folder / "rows.json").read_text()), np.load(folder / "voices.npz"), {}
    generate = model.gpt.generate
    codes: list[np.ndarray] = []

    def noting(*arguments: object, **search: object) -> torch.Tensor:
        given = generate(*arguments, **search)
        codes.append(given[0].numpy())
        return given

    model.gpt.generate = noting
    for place, row in enumerate(rows):
        latents, embedding = (
            torch.from_numpy(voices[f"{place}.{name}"]) for name in ("gpt_cond_latents", "speaker_embedding")
        )
        out = model.inference(
            row["text"], row["language"], latents, embedding, do_sample=False,
            repetition_penalty=float(config.repetition_penalty),
        )  # fmt: skip
        said[f"{place}.samples"] = np.asarray(out["wav"])
        said[f"{place}.codes"] = codes[-1]
    np.savez(folder / "said.npz", **said)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
