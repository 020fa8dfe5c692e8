"""Scripted people: recordings that hold a text and a speaker, and engines that hear and keep the speaker apart.

A recording's positive samples are its text, as everywhere in `testing.engines`. Its negative samples are bursts of
noise whose values leave the same remainder: the speaker. They pass for speech with every measure that samples are
judged by (level over the background, bandwidth, no clipping), and any stretch of them tells who speaks.
"""

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np

from appliance.engines.protocols import SPEECH_RATE_HZ, EngineIdentity, Samples, SpeakRequest, Speech, Voice
from appliance.engines.voice_version import content_version
from appliance.errors import EngineFailed, MeeshyError
from appliance.testing.engines import ScriptedSynthesizer, scripted_speech

_FULL_SCALE = 32768
_SPEAKERS = 64
_WIDTH = 64
_LOUDEST = 200
_BURST_S, _PAUSE_S = 0.35, 0.1
_LEAST_SHARE = 0.9
_VARIES = 0.12
"""How far recordings of one person lie apart: a similarity of about 0.99."""


def spoken_by(text: str, speaker: str, seconds: float = 4.0) -> Samples:
    """Return a 16 kHz recording of a text by a speaker, of about this many seconds."""
    chance = np.random.default_rng(int.from_bytes(hashlib.sha256(f"{speaker}/{text}".encode()).digest()[:8], "big"))
    count = round(seconds * SPEECH_RATE_HZ)
    loudness = chance.integers(1, _LOUDEST, count)
    samples = -(loudness * _SPEAKERS + number_of(speaker)).astype(np.float64)
    place = np.arange(count) % round((_BURST_S + _PAUSE_S) * SPEECH_RATE_HZ)
    samples[place >= round(_BURST_S * SPEECH_RATE_HZ)] = 0.0
    codes = [ord(character) / _FULL_SCALE for character in text]
    return np.concatenate([codes, samples / _FULL_SCALE]).astype(np.float32)


def number_of(speaker: str) -> int:
    """Return the remainder that stands for a speaker, 1 to 63."""
    return 1 + hashlib.sha256(speaker.encode()).digest()[0] % (_SPEAKERS - 1)


def heard_speaker(samples: Samples) -> int | None:
    """Return the remainder in a recording; None where it holds no scripted speaker, or several."""
    values = np.rint(-np.asarray(samples, np.float64) * _FULL_SCALE).astype(int)
    loud = values[values >= _SPEAKERS]
    if not len(loud):
        return None
    counts = np.bincount(loud % _SPEAKERS, minlength=_SPEAKERS)
    number = int(counts.argmax())
    return number if counts[number] >= _LEAST_SHARE * len(loud) else None


class SpeakerByRemainder:
    """A SpeakerEncoder whose embedding follows the scripted speaker; `embedded` counts the clips."""

    def __init__(self, moods: Mapping[str, Mapping[str, float]] | None = None) -> None:
        """Start with nothing embedded.

        `moods` are speakers who sound like others in parts: `{"alice, hoarse": {"alice": 0.9, "bob": 0.4}}`.
        """
        self.embedded = 0
        self._directions = {number_of(name): _direction(parts) for name, parts in (moods or {}).items()}

    def identity(self) -> EngineIdentity:
        """Return a fixed identity."""
        return EngineIdentity("scripted-speakers", "scripted", "4" * 64)

    def embed(self, clips: Sequence[Samples]) -> list[Samples | MeeshyError]:
        """Return a unit vector per clip: near its speaker's own, whose similarity to another's is 0."""
        self.embedded += len(clips)
        return [self._embedding(clip) for clip in clips]

    def _embedding(self, clip: Samples) -> Samples:
        number = heard_speaker(clip) or 0
        vector = self._directions.get(number, np.eye(_WIDTH)[number])
        content = np.ascontiguousarray(np.asarray(clip, np.float32)).tobytes()
        chance = np.random.default_rng(int.from_bytes(hashlib.sha256(content).digest()[:8], "big"))
        aside = chance.standard_normal(_WIDTH)
        vector = vector + _VARIES * aside / np.linalg.norm(aside)
        return (vector / np.linalg.norm(vector)).astype(np.float32)


class FaithfulSynthesizer(ScriptedSynthesizer):
    """Speaks with the speaker of the recordings that a voice was matched to; `matched` holds how often it did."""

    def __init__(self, languages: Sequence[str] = ("en", "fr", "es")) -> None:
        """Speak these languages."""
        super().__init__(languages)
        self.matched: list[tuple[int, str]] = []

    def match_voice(self, references: Sequence[Samples], language: str, embedding: Samples | None = None) -> Voice:
        """Return a voice with the one speaker of all recordings."""
        numbers = {heard_speaker(reference) for reference in references}
        if len(numbers) != 1 or None in numbers:
            raise EngineFailed(f"the recordings are of {len(numbers)} speakers")
        (number,) = numbers
        self.matched.append((number, language))
        arrays = {"speaker": np.array([number], np.float32), "length": np.array([len(references)], np.float32)}
        if embedding is not None:
            arrays["embedding"] = np.asarray(embedding, np.float32)
        return Voice("matched", "scripted-synthesizer", arrays, content_version("scripted-synthesizer", arrays, {}))

    def speak(self, batch: Sequence[SpeakRequest]) -> list[Speech | MeeshyError]:
        """Return each text in its own voice's speaker; in a stock voice, nobody's."""
        self.spoken.extend(batch)
        return [Speech(_utterance(request), SPEECH_RATE_HZ) for request in batch]


def _utterance(request: SpeakRequest) -> Samples:
    if "speaker" not in request.voice.arrays:
        return scripted_speech(request.text)
    number = int(request.voice.arrays["speaker"][0])
    loudness = np.random.default_rng(number).integers(1, _LOUDEST, SPEECH_RATE_HZ // 2)
    codes = [ord(character) / _FULL_SCALE for character in request.text]
    return np.concatenate([codes, -(loudness * _SPEAKERS + number) / _FULL_SCALE]).astype(np.float32)


def _direction(parts: Mapping[str, float]) -> np.ndarray:
    vector = np.zeros(_WIDTH)
    for name, share in parts.items():
        vector[number_of(name)] += share
    return vector / np.linalg.norm(vector)
