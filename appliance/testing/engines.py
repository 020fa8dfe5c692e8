"""Scripted engines: the real interfaces over speech that is its own text, so that jobs run in milliseconds.

A scripted recording holds the text's code points as sample values, exactly representable in 16-bit PCM. The scripted
transcriber reads them back, so a whole chain can be checked word for word. They say nothing about sound or language.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

import numpy as np

from appliance.engines.protocols import (
    SPEECH_RATE_HZ,
    EngineIdentity,
    Samples,
    Segment,
    SpeakRequest,
    Speech,
    TranscribeRequest,
    Transcription,
    TranslatedSegment,
    TranslateRequest,
    Translation,
    Voice,
)
from appliance.errors import EngineFailed, MeeshyError, NoRoute

_FULL_SCALE = 32768
_HUM_HZ = 220.0
SHORTEST_SAMPLES = SPEECH_RATE_HZ // 2


def scripted_speech(text: str, least_samples: int = SHORTEST_SAMPLES) -> Samples:
    """Return a recording of half a second, or of another least length, that the scripted transcriber hears as the text.

    What follows the text is audible and negative, which the transcriber passes over; no text gives plain silence.
    """
    codes = np.array([ord(character) for character in text], dtype=np.float32) / _FULL_SCALE
    rest = np.arange(max(0, least_samples - len(codes)))
    hum = -0.4 * np.abs(np.sin(2 * np.pi * _HUM_HZ * rest / SPEECH_RATE_HZ)) if text else 0.0 * rest
    return np.concatenate([codes, hum.astype(np.float32)])


class ScriptedTranscriber:
    """Hears scripted speech; `on_batch` sees every batch first and may raise."""

    def __init__(
        self, language: str = "en", on_batch: Callable[[Sequence[TranscribeRequest]], None] | None = None
    ) -> None:
        """Hear everything whose language is not given as this language."""
        self._language = language
        self._on_batch = on_batch
        self.batches: list[int] = []

    def identity(self) -> EngineIdentity:
        """Return a fixed identity."""
        return EngineIdentity("scripted-transcriber", "scripted", "0" * 64)

    def transcribe(self, batch: Sequence[TranscribeRequest]) -> list[Transcription | MeeshyError]:
        """Return the text in the samples; an empty one is no speech, one holding POISON fails its row.

        One holding HANG keeps its caller for ever.
        """
        self.batches.append(len(batch))
        if self._on_batch is not None:
            self._on_batch(batch)
        return [self._hear(request) for request in batch]

    def _hear(self, request: TranscribeRequest) -> Transcription | MeeshyError:
        codes = np.rint(np.asarray(request.samples) * _FULL_SCALE).astype(int)
        text = "".join(map(chr, codes[codes > 0].tolist()))
        if "HANG" in text:
            threading.Event().wait()
        if "POISON" in text:
            return EngineFailed("scripted failure")
        duration_s = len(request.samples) / SPEECH_RATE_HZ
        language = "en" if request.task == "translate" else request.language or self._language
        segments = (Segment(0.0, duration_s, text, 0.9),) if text else ()
        return Transcription(language, 1.0, segments, duration_s)


class ScriptedTranslator:
    """Translates `hello` to French as `fr:hello`."""

    def __init__(self, pairs: Sequence[tuple[str, str]] = (("en", "fr"), ("en", "es"), ("fr", "en"))) -> None:
        """Offer these pairs."""
        self._pairs = frozenset(pairs)
        self.batches: list[int] = []

    def pairs(self) -> frozenset[tuple[str, str]]:
        """Return the offered pairs."""
        return self._pairs

    def routes(self) -> frozenset[tuple[str, str]]:
        """Return the offered pairs."""
        return self._pairs

    def identity(self, source: str, target: str) -> tuple[EngineIdentity, ...]:
        """Return one identity per pair."""
        if (source, target) not in self._pairs:
            raise NoRoute
        return (EngineIdentity("scripted-translator", f"{source}-{target}", "1" * 64),)

    def quality(self, source: str, target: str) -> Literal["starter", "standard"]:
        """Return `standard`."""
        return "standard"

    def translate(self, batch: Sequence[TranslateRequest]) -> list[Translation | MeeshyError]:
        """Return each segment marked with its language."""
        self.batches.append(len(batch))
        return [
            Translation(
                tuple(TranslatedSegment(f"{request.target}:{text}", -0.1) for text in request.segments),
                self.identity(request.source, request.target),
                f"scripted:{request.source}>{request.target}",
            )
            for request in batch
        ]


class ScriptedSynthesizer:
    """Speaks text as scripted speech; a reading can be spoiled by seed to be heard wrong."""

    def __init__(self, languages: Sequence[str] = ("en", "fr", "es"), spoiled_seeds: Sequence[int] = ()) -> None:
        """Speak these languages; readings with a spoiled seed come out as other words."""
        self._languages = frozenset(languages)
        self._spoiled = frozenset(spoiled_seeds)
        self.spoken: list[SpeakRequest] = []

    def identity(self) -> EngineIdentity:
        """Return a fixed identity."""
        return EngineIdentity("scripted-synthesizer", "scripted", "2" * 64)

    def languages(self) -> frozenset[str]:
        """Return the languages."""
        return self._languages

    def stock_voice(self, language: str) -> Voice:
        """Return a stock voice per language."""
        return Voice("stock", "scripted-synthesizer", {}, f"stock-{language}")

    def match_voice(self, references: Sequence[Samples], language: str, embedding: Samples | None = None) -> Voice:
        """Return a voice whose version is the recordings' own sum, so that a mix-up shows."""
        heard = sum(float(np.sum(reference)) for reference in references)
        return Voice("matched", "scripted-synthesizer", {}, f"matched-{language}-{heard:.6f}")

    def speak(self, batch: Sequence[SpeakRequest]) -> list[Speech | MeeshyError]:
        """Return scripted speech for each request."""
        self.spoken.extend(batch)
        return [
            Speech(scripted_speech("what was that" if request.seed in self._spoiled else request.text), SPEECH_RATE_HZ)
            for request in batch
        ]

    def stream(self, request: SpeakRequest) -> Iterator[Speech]:
        """Yield the scripted speech in one piece."""
        for speech in self.speak([request]):
            if isinstance(speech, MeeshyError):
                raise speech
            yield speech


class ScriptedEncoder:
    """Gives every speaker the same embedding, so that similarity never stands in a test's way."""

    def identity(self) -> EngineIdentity:
        """Return a fixed identity."""
        return EngineIdentity("scripted-encoder", "scripted", "3" * 64)

    def embed(self, clips: Sequence[Samples]) -> list[Samples | MeeshyError]:
        """Return a unit vector per clip."""
        return [np.array([1.0, 0.0], dtype=np.float32) for _ in clips]
