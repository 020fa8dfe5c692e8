"""Subtitles as text: SRT, and WebVTT (w3.org/TR/webvtt1)."""

import textwrap
from collections.abc import Iterable

import msgspec

LINE_CHARACTERS = 42
"""The line length that broadcasters use (BBC subtitle guidelines: 37 to 42)."""
SHORTEST_S = 0.2


class Cue(msgspec.Struct, frozen=True):
    """A text with its place in the audio."""

    start_s: float
    end_s: float
    text: str


def as_srt(cues: Iterable[Cue]) -> str:
    """Return the cues as SubRip."""
    blocks = (
        f"{number}\n{_time(cue.start_s, ',')} --> {_time(_end(cue), ',')}\n{_lines(cue.text)}\n"
        for number, cue in enumerate(_spoken(cues), 1)
    )
    return "\n".join(blocks)


def as_vtt(cues: Iterable[Cue]) -> str:
    """Return the cues as WebVTT."""
    blocks = (
        f"{_time(cue.start_s, '.')} --> {_time(_end(cue), '.')}\n{_escaped(_lines(cue.text))}\n"
        for cue in _spoken(cues)
    )
    return "WEBVTT\n\n" + "\n".join(blocks)


def _spoken(cues: Iterable[Cue]) -> list[Cue]:
    return [cue for cue in cues if cue.text.strip()]


def _end(cue: Cue) -> float:
    return max(cue.end_s, cue.start_s + SHORTEST_S)


def _lines(text: str) -> str:
    # An arrow inside the text would be read as a cue's timing line; an empty line would end the cue.
    return "\n".join(textwrap.wrap(text.replace("-->", "→"), LINE_CHARACTERS, break_long_words=False))


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _time(at_s: float, point: str) -> str:
    total_ms = round(max(0.0, at_s) * 1000)
    seconds, ms = divmod(total_ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{point}{ms:03}"
