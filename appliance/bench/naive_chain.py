"""The chain a competent user would script with the same engines: one note after the other, models loaded once."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from faster_whisper import WhisperModel

from appliance.audio.encode import encode
from appliance.audio.formats import AudioFormat
from appliance.bench.sentence_by_sentence import SentenceBySentence
from appliance.engines.kokoro import Kokoro
from appliance.engines.protocols import SpeakRequest, Speech
from appliance.engines.sentences import joiner, split_sentences
from appliance.errors import MeeshyError
from appliance.receipts.wer import word_error_rate
from appliance.voices.measures import to_speech_rate

PAUSE_S = 0.2


@dataclass(frozen=True, slots=True)
class Outcome:
    """One note in one language: what was heard in it, its translation, the audio, and the audio's word error rate."""

    heard: str
    text: str
    audio: bytes
    wer: float
    readings: int


class NaiveChain:
    """Whisper's own `transcribe`, sentence-by-sentence translation, one utterance at a time, checked and encoded."""

    def __init__(
        self,
        whisper: WhisperModel,
        translators: Mapping[str, SentenceBySentence],
        kokoro: Kokoro,
        *,
        max_wer: float,
        readings: int,
    ) -> None:
        """Take loaded models, one translator per target; readings above `max_wer` are repeated."""
        self._whisper = whisper
        self._translators = translators
        self._kokoro = kokoro
        self._max_wer = max_wer
        self._readings = readings

    def run(self, recording: Path, target: str, audio_format: AudioFormat = "wav") -> Outcome:
        """Return the note spoken in another language with a stock voice; raises the engine's MeeshyError."""
        heard = self._transcribed(str(recording), None)
        sentences = [self._translators[target].translate(sentence) for sentence in split_sentences(heard)]
        text = joiner(target).join(sentences)
        tried: list[tuple[float, Speech]] = []
        while not tried or (tried[-1][0] > self._max_wer and len(tried) < self._readings):
            speech = self._spoken(sentences, target, seed=len(tried))
            again = self._transcribed(to_speech_rate(speech.samples, speech.rate_hz), target)
            tried.append((word_error_rate(text, again), speech))
        wer, best = min(tried, key=lambda each: each[0])
        return Outcome(heard, text, encode(best.samples, best.rate_hz, audio_format), wer, len(tried))

    def _transcribed(self, audio: str | np.ndarray, language: str | None) -> str:
        segments, _ = self._whisper.transcribe(audio, language=language)
        return " ".join(segment.text.strip() for segment in segments)

    def _spoken(self, sentences: list[str], language: str, seed: int) -> Speech:
        voice = self._kokoro.stock_voice(language)
        parts: list[np.ndarray] = []
        rate_hz = 0
        for sentence in sentences:
            speech = self._kokoro.speak([SpeakRequest(sentence, language, voice, seed)])[0]
            if isinstance(speech, MeeshyError):
                raise speech
            rate_hz = speech.rate_hz
            parts += [speech.samples, np.zeros(round(PAUSE_S * rate_hz), np.float32)]
        return Speech(np.concatenate(parts[:-1]), rate_hz)
