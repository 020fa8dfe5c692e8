"""`meeshy bench voice --random-full-size`: XTTS in its real size with random weights, on a GPU or, slowly, a CPU."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from appliance.bench.xtts_environment import in_environment
from appliance.settings import Settings

SIZES = (1, 4, 8, 16)
QUICK_SIZES = (1, 2)
PROCESS_FILE = Path(__file__).resolve().parent / "xtts_full_size_process.py"
ON_CPU = "This is the CPU: memory and shape are the real ones, the times are not those that XTTS-v2 is meant for."
NOT_SHOWN = "Random weights say nothing on how it sounds or how long real sentences are; `--weights DIR` does."


def full_size_report(
    settings: Settings, *, quick: bool, say: Callable[[str], None]
) -> tuple[list[dict[str, Any]], Group]:
    """Return what was measured as plain data and as a table; ModelMissing where the environment is not installed."""
    sizes = QUICK_SIZES if quick else SIZES
    facts = []
    arguments = (settings.device, *map(str, sizes))
    with in_environment(settings, PROCESS_FILE, *arguments, threads=settings.threads) as process:
        for _ in range(len(sizes) + 2):
            say("XTTS, 30 layers of 1,024 channels: " + ("building" if not facts else f"{len(facts)} measured"))
            facts.append(process.next())
    return facts, as_table(facts, on_gpu=settings.device == "cuda")


def as_table(facts: list[dict[str, Any]], *, on_gpu: bool) -> Group:
    """Return the measurements for people."""
    loaded, *batches, stream = facts
    lines = [
        f"{loaded['device']}, torch {loaded['torch']}: {loaded['parameters'] / 1e6:,.0f} million parameters, "
        f"{loaded['memory_bytes'] / 2**20:,.0f} MiB once loaded"
    ]
    table = Table(box=None, pad_edge=False)
    for heading in ("rows", "codes s", "latents s", "vocoder s", "whole s", "of 1 row", "x real time", "peak MiB"):
        table.add_column(heading, justify="right")
    alone_s = batches[0]["whole_s"]
    for batch in batches:
        rows = batch["rows"]
        table.add_row(
            str(rows), *(f"{batch[name]:.2f}" for name in ("codes_s", "latents_s", "vocoder_s", "whole_s")),
            f"{rows * alone_s / batch['whole_s']:.2f} x", f"{batch['audio_s'] / batch['whole_s']:.2f}",
            f"{batch['memory_bytes'] / 2**20:,.0f}",
        )  # fmt: skip
    ends = [
        f"stream: first sound after {stream['first_s']:.2f} s of {stream['whole_s']:.2f} s",
        *([] if on_gpu else [ON_CPU]),
        NOT_SHOWN,
    ]
    return Group(*map(Text, lines), table, *map(Text, ends))
