"""An XTTS process without a model: speaks noise as long as its text takes, and misbehaves where the text says so.

`MUTE` in a text: silence, always. `STUTTER`: a syllable over and over, in the first reading only. `DIE`: the process
ends. `HANG`: it never answers, nor shows any progress. Everything else of the protocol is the real process's, but that
it tells of every step.
"""

import os
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from appliance.engines.speech_gate import expected_s
from appliance.engines.xtts_process import server
from appliance.engines.xtts_process.frames import Arrays
from appliance.engines.xtts_process.isolation import Network

RATE_HZ = 24_000
STEPS = 5
"""Of an utterance."""
FIRST_READINGS = 1_000_003
"""Seeds below are of first readings: Xtts steps so far from one reading to the next."""

Answer = tuple[dict[str, Any], Arrays]


def syllables(seconds: float, seed: int, rate_hz: int = RATE_HZ) -> np.ndarray:
    """Return sound that is like speech for whoever understands none: syllables, each of another colour."""
    chance, parts, length = np.random.default_rng(seed), [], 0
    while length < seconds * rate_hz:
        times_s = np.arange(round(chance.uniform(0.1, 0.22) * rate_hz)) / rate_hz
        formants_hz = chance.uniform(250, 3500, size=3)
        f0_hz = chance.uniform(90, 220)
        harmonics = np.arange(1, 30) * f0_hz
        gains = sum(np.exp(-(((harmonics - formant) / 200) ** 2)) for formant in formants_hz) + 0.01
        sound = (gains[:, None] * np.sin(2 * np.pi * harmonics[:, None] * times_s)).sum(axis=0)
        parts.append(sound * np.sin(np.pi * np.linspace(0, 1, len(times_s))) ** 0.5)
        length += len(times_s)
    sound = np.concatenate(parts)[: round(seconds * rate_hz)]
    return (0.4 * sound / np.abs(sound).max()).astype(np.float32)


class ScriptedService:
    """Answers as the real service does."""

    def __init__(self) -> None:
        """Count from zero."""
        self._counts = {"conditionings": 0, "utterances": 0, "resident_bytes": 0}

    def facts(self) -> dict[str, Any]:
        """Return the facts of a small model."""
        return {
            "rate_hz": RATE_HZ,
            "languages": ["en", "fr"],
            "characters": {"en": 250, "fr": 273},
            "speakers": ["Ada"],
        }

    def status(self) -> dict[str, Any]:
        """Return the counts."""
        return dict(self._counts)

    def condition(self, arrays: Arrays) -> Answer:
        """Return a voice that is the recordings' mean, so that a mix-up shows."""
        self._counts["conditionings"] += 1
        heard = float(np.mean([np.abs(array).mean() for array in arrays.values()]))
        return {}, _voice(heard)

    def stock(self, name: str) -> Answer:
        """Return the only stock voice."""
        return ({}, _voice(0.0)) if name in ("", "Ada") else ({"error": "no_stock_voice"}, {})

    def speak(self, wanted: Sequence[dict[str, Any]], arrays: Arrays, cancelled: Any) -> Iterator[Answer]:
        """Yield each row's sound."""
        for row in wanted:
            self._counts["utterances"] += 1
            sound = self._sound(row)
            for _ in range(STEPS):
                cancelled()
            yield {"ended": True}, {"samples": sound, "codes": np.zeros(1, np.int64)}

    def stream(self, wanted: dict[str, Any], arrays: Arrays, cancelled: Any) -> Iterator[Answer]:
        """Yield a row's sound in two pieces."""
        self._counts["utterances"] += 1
        sound = self._sound(wanted)
        yield {}, {"samples": sound[: len(sound) // 2]}
        yield {}, {"samples": sound[len(sound) // 2 :]}

    def _sound(self, row: dict[str, Any]) -> np.ndarray:
        text, seed = row["text"], int(row["seed"])
        seconds = expected_s(text, row["language"])
        if "DIE" in text:
            os._exit(3)
        if "HANG" in text:
            threading.Event().wait()
        if "MUTE" in text:
            return np.zeros(RATE_HZ, np.float32)
        if "STUTTER" in text and seed < FIRST_READINGS:
            return np.tile(syllables(0.3, 1), max(6, round(seconds / 0.3)))
        return syllables(seconds, seed)


def _voice(value: float) -> dict[str, np.ndarray]:
    return {
        "gpt_cond_latents": np.full((1, 2, 4), value, np.float32),
        "speaker_embedding": np.full((1, 512, 1), value, np.float32),
    }


def main(network: Network, options: str, descriptor: str) -> int:
    """Serve as the real process does."""
    return server.main(network, options, descriptor, service=lambda told: ScriptedService(), pulse_every_s=0.0)
