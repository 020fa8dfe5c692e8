"""XTTS's text-to-codes stage, timed where it runs: rows in one pass, or one after the other by the library itself.

Run by the interpreter of XTTS's environment. The argument is a checkpoint's folder; each line of input is an object
with `rows` and `together`, each line of output has `elapsed_s` and `codes`, a digest.
"""

import hashlib
import json
import sys
import time
from pathlib import Path

import torch

from appliance.engines.xtts_process.batch import generate, padded
from appliance.engines.xtts_process.loading import Loaded, load
from appliance.engines.xtts_process.rows import Row, prepared

TEXTS = (
    ("hello i will be ten minutes late please wait for me", "en"),
    ("bonjour je serai en retard de dix minutes", "fr"),
    ("hola llegaré diez minutos tarde espérame en la estación", "es"),
    ("hallo ich komme zehn minuten später", "de"),
)


def together(loaded: Loaded, rows: list[Row]) -> list[torch.Tensor]:
    """Return every row's codes from one pass."""
    with torch.inference_mode():
        return generate(loaded, rows, *padded(loaded, rows), lambda: False)


def apart(loaded: Loaded, rows: list[Row]) -> list[torch.Tensor]:
    """Return every row's codes from the library's own call for each."""
    with torch.inference_mode():
        return [
            loaded.gpt.generate(
                cond_latents=row.latents, text_inputs=row.tokens[None], do_sample=False, num_beams=1,
                repetition_penalty=loaded.sampling.repetition_penalty,
            )[0]
            for row in rows
        ]  # fmt: skip


def made_rows(loaded: Loaded, count: int) -> list[Row]:
    """Return rows of different speakers, languages and texts."""
    rows = []
    for number in range(count):
        chance = torch.Generator().manual_seed(number)
        width = loaded.model.args.gpt_n_model_channels
        latents = torch.randn(1, 32, width, generator=chance)
        embedding = torch.nn.functional.normalize(torch.randn(1, 512, 1, generator=chance), dim=1)
        text, language = TEXTS[number % len(TEXTS)]
        rows.append(prepared(loaded, text, language, number, latents.numpy(), embedding.numpy()))
    return rows


def main() -> None:
    """Answer lines until there are no more."""
    loaded = load(Path(sys.argv[1]), "cpu", greedy=True)
    for line in sys.stdin:
        asked = json.loads(line)
        rows = made_rows(loaded, asked["rows"])
        started_s = time.perf_counter()
        codes = (together if asked["together"] else apart)(loaded, rows)
        elapsed_s = time.perf_counter() - started_s
        digest = hashlib.sha256(json.dumps([row.tolist() for row in codes]).encode()).hexdigest()
        sys.stdout.write(json.dumps({"elapsed_s": elapsed_s, "codes": digest}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
