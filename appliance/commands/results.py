"""Showing a finished job: a table for people, one document for scripts."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from appliance.errors import CommandFailed

_RECEIPT_ROWS = (
    ("word error rate", "wer", "{:.2f}"),
    ("speaker similarity", "similarity", "{:.2f}"),
    ("pitch distance", "pitch_distance_semitones", "{:.1f} semitones"),
    ("back-translation chrF", "back_translation_chrf", "{:.0f} of 100"),
    ("heard with confidence", "transcription_confidence", "{:.2f}"),
    ("length, spoken : original", "duration_ratio", "{:.2f}"),
)


def document_of(job: Mapping[str, Any], audio_paths: Mapping[str, Path], elapsed_s: float) -> dict[str, Any]:
    """Return what `--json` prints; CommandFailed for a job that ended before anything was heard."""
    if job["source"] is None:
        why = job["error"] or next((target["error"] for target in job["targets"] if target["error"]), None)
        raise CommandFailed(f"{why['detail']} ({why['code']})" if why else f"The job is {job['state']}.")
    return {
        "source": {key: job["source"][key] for key in ("language", "text", "duration_s")},
        "targets": [
            {
                "language": target["language"],
                "state": target["state"],
                "text": target["text"],
                "audio_path": str(audio_paths[target["language"]]) if target["language"] in audio_paths else None,
                "duration_s": target["duration_s"],
                "cached": target["cached"],
                "voice": target["voice"],
                "voice_notice": target["voice_notice"],
                "quality": target["quality"],
                "receipt": target["receipt"],
                "error": target["error"],
            }
            for target in job["targets"]
        ],
        "elapsed_s": round(elapsed_s, 3),
    }


def show(document: Mapping[str, Any], console: Console) -> None:
    """Print a job for people: what was heard, then one panel per language."""
    source = document["source"]
    heard = f"[bold]{escape(source['text'].strip())}[/bold]"
    console.print(
        Panel(heard, title=f"heard · {source['language']} · {source['duration_s']:.1f} s", title_align="left")
    )
    for target in document["targets"]:
        console.print(_panel(target))


def _panel(target: Mapping[str, Any]) -> Panel:
    title = f"{target['language']} · {target['state'].replace('_', ' ')}"
    if target["error"]:
        return Panel(
            escape(f"{target['error']['detail']} ({target['error']['code']})"), title=title, title_align="left"
        )
    receipt = target["receipt"]
    if receipt is None:
        return Panel("There is no audio.", title=title, title_align="left")
    table = Table.grid(padding=(0, 2))
    table.add_row("[bold]says[/bold]", f"[bold]{escape(target['text'])}[/bold]")
    table.add_row(
        "audio", f"{escape(str(target['audio_path']))}  ({target['duration_s']:.1f} s, {target['voice']} voice)"
    )
    if target["voice_notice"]:
        table.add_row("voice", target["voice_notice"])
    table.add_row("translation", f"{receipt['route']}, quality: {target['quality']}")
    for label, name, form in _RECEIPT_ROWS:
        if receipt.get(name) is not None:
            table.add_row(label, form.format(receipt[name]))
    table.add_row("verdict", receipt["verdict"].replace("_", " ") + "".join(f"; {why}" for why in receipt["reasons"]))
    stages = ", ".join(f"{stage} {ms / 1000:.1f} s" for stage, ms in receipt["stage_ms"].items())
    table.add_row("time", "from the cache" if target["cached"] else stages)
    return Panel(table, title=title, title_align="left")


def safe_stem(file: Path) -> str:
    """Return a file's name without suffix, with only characters that every file system takes."""
    return re.sub(r"[^\w.-]+", "_", file.stem).strip("._") or "note"
