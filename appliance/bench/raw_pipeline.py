"""The appliance's own engine work for one note, called directly: no HTTP, no rows, no queue, no object store."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import sacrebleu
from faster_whisper import decode_audio

from appliance.audio.encode import encode
from appliance.audio.formats import AudioFormat
from appliance.audio.loudness import integrated_lufs, normalised
from appliance.audio.measures import clipping_ratio, measure, snr_db
from appliance.engines.protocols import SPEECH_RATE_HZ, Samples, SpeakRequest, Speech, TranscribeRequest
from appliance.engines.protocols import TranslateRequest as Said
from appliance.engines.sentences import joiner, merge_segments
from appliance.errors import MeeshyError
from appliance.receipts.wer import word_error_rate
from appliance.stages.context import Engines
from appliance.stages.speaker import SPEECH_FOR_EMBEDDING_S
from appliance.stages.synthesize import SHORTEST_PAUSE_S
from appliance.voices.measures import mfcc_distance, pitch_distance_semitones, speaker_similarity, to_speech_rate

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class RawOutcome:
    """What the pipeline made of a note."""

    heard: str
    text: str
    audio: bytes
    wer: float


class RawPipeline:
    """Runs the engines as the stages do, one note and one target at a time, in the speaker's matched voice."""

    def __init__(self, engines: Engines) -> None:
        """Use these loaded engines."""
        self._engines = engines

    def run(self, recording: Path, target: str, audio_format: AudioFormat = "wav") -> RawOutcome:
        """Return a note's translation with everything that a receipt measures done; raises the engines' MeeshyError."""
        engines = self._engines
        samples = decode_audio(str(recording), sampling_rate=SPEECH_RATE_HZ)
        measure(samples, SPEECH_RATE_HZ)
        heard = _got(engines.transcriber.transcribe([TranscribeRequest(samples)]))
        sentences = [
            merged.text for merged in merge_segments([segment.text for segment in heard.segments], heard.language)
        ]
        said = _got(engines.translator.translate([Said(tuple(sentences), heard.language, target)]))
        texts = [segment.text for segment in said.segments]
        self._bring_back(sentences, texts, heard.language, target)
        speech = self._spoken(samples, [text for text in texts if text.strip()], target)
        wer = self._verified(samples, speech, " ".join(texts), target)
        loud = normalised(speech.samples, speech.rate_hz)
        integrated_lufs(loud, speech.rate_hz)
        return RawOutcome(heard.text, joiner(target).join(texts), encode(loud, speech.rate_hz, audio_format), wer)

    def _bring_back(self, sentences: Sequence[str], texts: Sequence[str], source: str, target: str) -> None:
        translator = self._engines.translator
        if (target, source) in translator.routes():
            back = _got(translator.translate([Said(tuple(texts), target, source)]))
            sacrebleu.sentence_chrf(back.text, [" ".join(sentences)])

    def _spoken(self, samples: Samples, texts: Sequence[str], target: str) -> Speech:
        voice = self._engines.synthesizer.match_voice([samples], target)
        parts: list[Samples] = []
        rate_hz = 0
        for result in self._engines.synthesizer.speak([SpeakRequest(text, target, voice) for text in texts]):
            speech = _got([result])
            rate_hz = speech.rate_hz
            parts += [speech.samples, np.zeros(round(SHORTEST_PAUSE_S * rate_hz), np.float32)]
        return Speech(np.concatenate(parts[:-1]), rate_hz)

    def _verified(self, samples: Samples, speech: Speech, text: str, target: str) -> float:
        spoken = to_speech_rate(speech.samples, speech.rate_hz)
        request = TranscribeRequest(spoken, target, word_timestamps=False)
        heard = _got(self._engines.transcriber.transcribe([request]))
        reference = samples[: int(SPEECH_FOR_EMBEDDING_S * SPEECH_RATE_HZ)]
        one, other = (_got(self._engines.encoder.embed([clip])) for clip in (reference, spoken))
        speaker_similarity(one, other)
        pitch_distance_semitones(reference, spoken)
        mfcc_distance(reference, spoken)
        snr_db(spoken, SPEECH_RATE_HZ)
        clipping_ratio(spoken)
        return word_error_rate(text, heard.text)


def _got(results: Sequence[_Result | MeeshyError]) -> _Result:
    (result,) = results
    if isinstance(result, MeeshyError):
        raise result
    return result
