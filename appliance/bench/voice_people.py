"""People to measure voice profiles with: stock voices that read the corpus, and whoever speaks in a folder."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.io import wavfile

from appliance.engines.protocols import SPEECH_RATE_HZ, Samples, SpeakRequest, Synthesizer, Voice
from appliance.errors import MeeshyError
from appliance.voices.measures import to_speech_rate
from models.packs.phrases import load_base

CORPUS = Path(__file__).resolve().parents[2] / "models" / "corpus"
ALIASES = (("em_alex", "pm_alex"), ("am_santa", "em_santa", "pm_santa"), ("ef_dora", "pf_dora"))
"""Stock voices of several languages that are one person: their names say so, and saying one sentence they are 0.974 to
0.979 similar, `am_santa` 0.92 to the other two. The next pair of voices of different names is at 0.874.
"""
_FEWEST_WORDS, _MOST_WORDS = 12, 18


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody's speech at 16 kHz, clip by clip; the aliases are the stock voices that are this person."""

    name: str
    clips: tuple[Samples, ...]
    aliases: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """Return how long all clips are together."""
        return sum(len(clip) for clip in self.clips) / SPEECH_RATE_HZ


def sentences() -> list[str]:
    """Return English sentences of the corpus of 12 to 18 words, about 4.5 s each, in its order."""
    found = [phrase.en for phrase in load_base(CORPUS) if phrase.origin == "general_two"]
    return [text for text in found if _FEWEST_WORDS <= len(text.split()) <= _MOST_WORDS]


def aliases_of(name: str) -> tuple[str, ...]:
    """Return the names of all stock voices that are this person, itself among them."""
    return next((group for group in ALIASES if name in group), (name,))


def spoken(synthesizer: Synthesizer, voice: Voice, texts: Iterable[str], language: str = "en") -> tuple[Samples, ...]:
    """Return a voice's reading of each text at 16 kHz, or raise the synthesizer's error."""
    clips = []
    for speech in synthesizer.speak([SpeakRequest(text, language, voice) for text in texts]):
        if isinstance(speech, MeeshyError):
            raise speech
        clips.append(to_speech_rate(speech.samples, speech.rate_hz))
    return tuple(clips)


def recorded_people(folder: Path | None) -> list[Person]:
    """Return the people of a folder of WAV files, named before the first `_` or `-`; meetings are left out.

    Without a folder there is nobody.
    """
    clips: dict[str, list[Samples]] = {}
    for path in sorted(folder.glob("*.wav")) if folder else ():
        clips.setdefault(path.stem.replace("-", "_").split("_")[0], []).append(_read(path))
    return [Person(name, tuple(found)) for name, found in clips.items() if name != "meeting"]


def meetings(folder: Path | None) -> list[Person]:
    """Return the recordings of several people in a folder, each by its file's name."""
    return [Person(path.stem, (_read(path),)) for path in sorted(folder.glob("meeting*.wav"))] if folder else []


def sessions(clips: Sequence[Samples], seconds: float) -> list[Samples]:
    """Return as many pieces of exactly that length as the clips give one after the other; a short rest is left out."""
    sound = np.concatenate([np.zeros(0, np.float32), *clips])
    size = round(seconds * SPEECH_RATE_HZ)
    return [sound[start : start + size] for start in range(0, len(sound) - size + 1, size)]


def _read(path: Path) -> Samples:
    rate_hz, samples = wavfile.read(path)
    if np.issubdtype(samples.dtype, np.integer):
        samples = samples / np.float32(np.iinfo(samples.dtype).max)
    return to_speech_rate(samples.mean(axis=1) if samples.ndim > 1 else samples, rate_hz)
