"""Scripted engines that take as long as the shipped ones do on a GPU, by what is in a batch.

The times are published ones for one A100 or its like, each named at its constant.
They wait, as a process waits for a GPU, and use no processor time.
"""

import time
from collections.abc import Sequence
from dataclasses import replace

from appliance.engines.protocols import (
    SPEECH_RATE_HZ,
    SpeakRequest,
    Speech,
    TranscribeRequest,
    TranslateRequest,
    Translation,
)
from appliance.errors import MeeshyError
from appliance.settings import Settings
from appliance.storage.database import Database
from appliance.testing.engines import ScriptedSynthesizer, ScriptedTranscriber, ScriptedTranslator
from appliance.testing.scripted_child import ScriptedAssembly

_CLIP_S = 7.0
"""About the clips that Whisper turbo was measured on: 39.5 times real time one by one, 200.2 times batched."""
HEAR_AUDIO_S = 1 / 200.2
"""Per second of sound in the batch."""
HEAR_CALL_S = _CLIP_S / 39.5 - _CLIP_S * HEAR_AUDIO_S

TRANSLATE_CALL_S = 0.035
"""The middle of what a message takes on an A100: 20 to 50 ms."""
_CHARACTERS_PER_TOKEN = 4
TRANSLATE_CHARACTER_S = 1 / (9297 * _CHARACTERS_PER_TOKEN)
"""OPUS-MT in half precision on an A10G: 9297 tokens a second."""

SPEAK_ALONE = 0.25
"""XTTS-v2, one sentence: seconds per spoken second."""
SPEAK_MATE = (36 * 0.02 / SPEAK_ALONE - 1) / 35
"""What each further sentence of a batch adds, as a share of the longest alone: 0.02 at 36 at once, launch-bound."""
CHARACTERS_PER_SPOKEN_S = 15
"""150 words of English a minute."""


class TimedTranscriber(ScriptedTranscriber):
    """Takes the time of a call and of the batch's sound."""

    def __init__(self) -> None:
        """Wait before each batch."""
        super().__init__(on_batch=self._wait)

    @staticmethod
    def _wait(batch: Sequence[TranscribeRequest]) -> None:
        audio_s = sum(len(request.samples) for request in batch) / SPEECH_RATE_HZ
        time.sleep(HEAR_CALL_S + HEAR_AUDIO_S * audio_s)


class TimedTranslator(ScriptedTranslator):
    """Takes the time of a call and of the batch's characters."""

    def translate(self, batch: Sequence[TranslateRequest]) -> list[Translation | MeeshyError]:
        """Return what the scripted translator returns, later."""
        characters = sum(len(text) for request in batch for text in request.segments)
        time.sleep(TRANSLATE_CALL_S + TRANSLATE_CHARACTER_S * characters)
        return super().translate(batch)


class TimedSynthesizer(ScriptedSynthesizer):
    """Takes the time of the longest reading, and a little for each that is spoken beside it."""

    def speak(self, batch: Sequence[SpeakRequest]) -> list[Speech | MeeshyError]:
        """Return what the scripted synthesizer returns, later."""
        longest_s = max(len(request.text) for request in batch) / CHARACTERS_PER_SPOKEN_S
        time.sleep(SPEAK_ALONE * longest_s * (1 + SPEAK_MATE * (len(batch) - 1)))
        return super().speak(batch)


def timed(settings: Settings, database: Database) -> ScriptedAssembly:
    """Build a workshop of these engines."""
    assembly = ScriptedAssembly(settings, database)
    engines = replace(
        assembly.context.engines,
        transcriber=TimedTranscriber(), translator=TimedTranslator(), synthesizer=TimedSynthesizer(),
    )  # fmt: skip
    assembly.context = replace(assembly.context, engines=engines)
    return assembly
