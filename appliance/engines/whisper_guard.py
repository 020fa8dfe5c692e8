"""When a decoded row is believed, decoded again, or taken for no speech at all."""

import math
import zlib
from dataclasses import dataclass

RUNAWAY_TOKENS_PER_S = 9.0
RUNAWAY_TOKENS = 12
RUNAWAY_COMPRESSION = 2.0
"""A shortened window above the token rate or this ratio is decoded again at 30 s: with a tail of 3 s,
tiny.en ran away on 17 of 86 utterances without that and on none with it."""

DOUBTFUL_COMPRESSION = 2.4
DOUBTFUL_LOG_PROBABILITY = -1.0
"""Whisper's own limits for decoding again at a higher temperature (openai/whisper, transcribe.py)."""

TEMPERATURES = (0.2, 0.4, 0.6, 0.8, 1.0)
"""Tried in this order after beam search, each once: Whisper's own ladder."""

NO_SPEECH_PROBABILITY = 0.4
"""With a doubtful text, above this is silence: 19 kinds of noise and music gave base 0.41 to 0.93, where Whisper's own
0.6 would let seven through; 14 human recordings stay at 0.5 or below and are not doubtful."""

CERTAIN_NO_SPEECH_PROBABILITY = 0.8
SHORT_SPEECH_S = 1.0
"""On less speech than this a no-speech token above CERTAIN_NO_SPEECH_PROBABILITY wins over a fluent text: digital
silence gives a confident "you" at 0.93."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """One row's tokens without special ones, their text, and what the decoder thought of them."""

    tokens: tuple[int, ...]
    text: str
    mean_log_probability: float
    no_speech_probability: float


def compression_ratio(text: str) -> float:
    """Return how many times smaller zlib makes the text: above 2.4 it repeats itself; 0 for no text."""
    raw = text.encode()
    return len(raw) / len(zlib.compress(raw)) if raw else 0.0


def most_tokens(audio_s: float) -> int:
    """Return how many tokens a shortened window of that much audio may give before it counts as a runaway."""
    return math.ceil(RUNAWAY_TOKENS_PER_S * audio_s) + RUNAWAY_TOKENS


def ran_away(row: Decoded, audio_s: float) -> bool:
    """Return whether a row of a shortened window must be decoded again at full length."""
    return (
        not row.text
        or len(row.tokens) >= most_tokens(audio_s)
        or compression_ratio(row.text) > RUNAWAY_COMPRESSION
        or is_doubtful(row)
    )


def is_doubtful(row: Decoded) -> bool:
    """Return whether a row repeats itself or was decoded with little conviction."""
    return compression_ratio(row.text) > DOUBTFUL_COMPRESSION or row.mean_log_probability < DOUBTFUL_LOG_PROBABILITY


def is_silence(row: Decoded, speech_s: float) -> bool:
    """Return whether the decoder itself took the row for silence: then a higher temperature only invents text."""
    if row.mean_log_probability < DOUBTFUL_LOG_PROBABILITY:
        return row.no_speech_probability > NO_SPEECH_PROBABILITY
    return row.no_speech_probability > CERTAIN_NO_SPEECH_PROBABILITY and speech_s < SHORT_SPEECH_S


def is_invented(row: Decoded, speech_s: float) -> bool:
    """Return whether a row's final text must not be believed: nothing, silence, or a doubtful text on little speech."""
    return not row.text or is_silence(row, speech_s) or (is_doubtful(row) and speech_s < SHORT_SPEECH_S)


def better(left: Decoded | None, right: Decoded | None) -> Decoded | None:
    """Return the reading to keep: one that does not repeat itself, then the one with the higher log-probability."""
    readings = [row for row in (left, right) if row is not None]
    return max(readings, key=_merit, default=None)


def _merit(row: Decoded) -> tuple[bool, float]:
    return compression_ratio(row.text) <= DOUBTFUL_COMPRESSION, row.mean_log_probability
