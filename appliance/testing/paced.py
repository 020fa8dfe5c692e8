"""Scripted engines that take their time."""

from collections.abc import Sequence

from appliance.engines.protocols import (
    SpeakRequest,
    Speech,
    TranscribeRequest,
    Transcription,
    TranslateRequest,
    Translation,
)
from appliance.errors import MeeshyError
from appliance.testing.engines import ScriptedSynthesizer, ScriptedTranscriber, ScriptedTranslator
from appliance.testing.pace import Timing


class PacedTranscriber(ScriptedTranscriber):
    """Hears what the scripted transcriber hears, later."""

    def __init__(self, timing: Timing) -> None:
        """Take this long."""
        super().__init__()
        self._timing = timing

    def transcribe(self, batch: Sequence[TranscribeRequest]) -> list[Transcription | MeeshyError]:
        """Return the batch's texts once its time is over."""
        self._timing.take(len(batch))
        return super().transcribe(batch)


class PacedTranslator(ScriptedTranslator):
    """Translates what the scripted translator translates, later."""

    def __init__(self, timing: Timing) -> None:
        """Take this long."""
        super().__init__()
        self._timing = timing

    def translate(self, batch: Sequence[TranslateRequest]) -> list[Translation | MeeshyError]:
        """Return the batch's translations once its time is over."""
        self._timing.take(len(batch))
        return super().translate(batch)


class PacedSynthesizer(ScriptedSynthesizer):
    """Speaks what the scripted synthesizer speaks, later."""

    def __init__(self, timing: Timing) -> None:
        """Take this long."""
        super().__init__()
        self._timing = timing

    def speak(self, batch: Sequence[SpeakRequest]) -> list[Speech | MeeshyError]:
        """Return the batch's speech once its time is over."""
        self._timing.take(len(batch))
        return super().speak(batch)
