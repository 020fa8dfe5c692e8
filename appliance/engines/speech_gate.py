"""Whether speech can be what its text says, judged by ear alone: no words are understood, so it takes milliseconds.

A network that makes speech token by token now and then stops early, falls silent, goes on after the text, or turns in
a circle. Each shows in the sound's envelope or spectrum. What only understanding finds (other words) is for whoever
transcribes the result. Bounds are wide: a reading that is refused for nothing costs as much as a bad one.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from appliance.engines.protocols import Samples
from appliance.engines.speech_frames import Frames, frames_of
from appliance.errors import EngineFailed, MeeshyError

LETTERS_PER_S: Mapping[str, float] = {
    "ar": 11.0, "cs": 13.0, "de": 14.0, "en": 14.5, "es": 14.5, "fr": 14.5, "hi": 11.0, "hu": 13.0, "it": 14.5,
    "ja": 7.0, "ko": 6.0, "nl": 14.0, "pl": 13.5, "pt": 14.0, "ru": 13.0, "tr": 13.0, "zh": 4.5,
}  # fmt: skip
"""Letters of running text that are spoken in a second."""
OTHER_LETTERS_PER_S = 13.0
DIGIT_LETTERS = 4.0
"""A digit is read as a word or part of one."""

SLOWEST, FASTEST = 0.35, 2.2
"""Shares of that pace between which people and engines speak whole sentences."""
GRACE_S = 1.0
"""Added to the longest time: a single word may be drawn out."""
LONGEST_PAUSE_S = 1.5
SILENCE_DBFS = -50.0
LAST_WORD_PAUSE_S = 0.35
TAIL_S = 0.12
"""A tail that is shorter is a breath or a click."""
TAIL_AFTER, TAIL_BEYOND = 0.75, 1.25
"""A tail counts as babble where what stands before it had time for this share of the text, and all of it for that."""
CLAUSE_MARKS = ",;:.!?…،؛、，；。！？—–-"


@dataclass(frozen=True, slots=True)
class Heard:
    """A piece of speech with the text that it should say; `faults` are sentences, none where it can be right."""

    samples: Samples
    rate_hz: int
    text: str
    language: str
    ended: bool = True
    """Whether the engine ended by itself, not because its budget ran out."""
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SpeechGate:
    """Judges pieces of speech; `readings` is how many are made of a piece before the last word is spoken about it."""

    readings: int = 3
    version: str = "gate-1"
    """Part of cache keys: raise it with any change that lets something else pass."""

    def judged(self, heard: Heard) -> Heard:
        """Return the piece with every fault that was found."""
        return replace(heard, faults=tuple(self._faults(heard)))

    def last(self, heard: Heard) -> Heard | MeeshyError:
        """Return the best reading there was, with its faults, or EngineFailed where nothing of it can be used."""
        if is_silent(heard.samples):
            return EngineFailed("The engine gave no sound for this text, in any reading.")
        return heard

    def _faults(self, heard: Heard) -> list[str]:
        if is_silent(heard.samples):
            return ["there is no sound"]
        frames = frames_of(heard.samples, heard.rate_hz)
        found = [] if heard.ended else ["it was cut off before its end"]
        found += _length_faults(heard, frames)
        found += _pause_faults(frames)
        found += _tail_faults(heard, frames)
        if frames.repeats():
            found.append("it repeats itself")
        return found


def is_silent(samples: Samples) -> bool:
    """Return whether there is nothing to hear, or something that is no sound at all."""
    if not len(samples) or not np.isfinite(samples).all():
        return True
    return float(np.abs(samples).max()) < 10 ** (SILENCE_DBFS / 20)


def expected_s(text: str, language: str) -> float:
    """Return how long a text takes at the language's usual pace, without pauses."""
    letters = sum(_weight(character) for character in text)
    return letters / LETTERS_PER_S.get(language.split("-")[0], OTHER_LETTERS_PER_S)


def _weight(character: str) -> float:
    kind = unicodedata.category(character)
    if kind.startswith("N"):
        return DIGIT_LETTERS
    # Vowel signs of Devanagari and Arabic are marks; they are spoken like letters.
    return 1.0 if kind.startswith("L") or kind == "Mc" else 0.0


def _length_faults(heard: Heard, frames: Frames) -> list[str]:
    usual_s, spoken_s = expected_s(heard.text, heard.language), frames.sounding_s()
    if spoken_s < usual_s / FASTEST:
        return [f"{spoken_s:.1f} s are too short for its text"]
    if spoken_s > usual_s / SLOWEST + GRACE_S:
        return [f"{spoken_s:.1f} s are too long for its text"]
    return []


def _pause_faults(frames: Frames) -> list[str]:
    longest_s = max((end - start for start, end in frames.pauses()), default=0.0)
    return [f"it pauses for {longest_s:.1f} s"] if longest_s > LONGEST_PAUSE_S else []


def _tail_faults(heard: Heard, frames: Frames) -> list[str]:
    """Return a fault where sound follows a pause although the text was over by then, as far as time tells.

    A text whose last third has a mark at which one pauses explains a tail.
    """
    text = heard.text.rstrip(CLAUSE_MARKS + " ")
    if any(mark in text[len(text) * 2 // 3 :] for mark in CLAUSE_MARKS):
        return []
    pauses = [pause for pause in frames.pauses() if pause[1] - pause[0] >= LAST_WORD_PAUSE_S]
    if not pauses:
        return []
    start, end = pauses[-1]
    usual_s = expected_s(heard.text, heard.language)
    before_s, tail_s = frames.sounding_s(until_s=start), frames.sounding_s(from_s=end)
    is_babble = before_s >= TAIL_AFTER * usual_s and before_s + tail_s >= TAIL_BEYOND * usual_s
    return [f"{tail_s:.1f} s of sound follow its end"] if is_babble and tail_s >= TAIL_S else []
