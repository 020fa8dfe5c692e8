"""Scripted engines that take their time, and that a marked text kills: for tests of what a death leaves behind."""

import os
import signal
import time
from collections.abc import Sequence
from dataclasses import replace

from appliance.engines.protocols import SpeakRequest, Speech, TranscribeRequest, TranslateRequest, Translation
from appliance.errors import MeeshyError
from appliance.settings import Settings
from appliance.storage.database import Database
from appliance.testing.engines import ScriptedSynthesizer, ScriptedTranscriber, ScriptedTranslator
from appliance.testing.scripted_child import ScriptedAssembly
from appliance.workers.workshop import Build

DEADLY = "DEADLY"
"""Hearing this ends the process, as a recording that crashes an engine does."""


class PerilousTranscriber(ScriptedTranscriber):
    """Takes so many seconds for a batch; dies of one that holds DEADLY."""

    def __init__(self, pace_s: float) -> None:
        """Work at this pace."""
        super().__init__(on_batch=self._endure)
        self._pace_s = pace_s

    def _endure(self, batch: Sequence[TranscribeRequest]) -> None:
        time.sleep(self._pace_s)
        heard = [self._hear(request) for request in batch]
        if any(not isinstance(each, MeeshyError) and DEADLY in each.text for each in heard):
            os.kill(os.getpid(), signal.SIGKILL)


class PacedTranslator(ScriptedTranslator):
    """Takes so many seconds for a batch."""

    def __init__(self, pace_s: float) -> None:
        """Work at this pace."""
        super().__init__()
        self._pace_s = pace_s

    def translate(self, batch: Sequence[TranslateRequest]) -> list[Translation | MeeshyError]:
        """Return what the scripted translator returns, later."""
        time.sleep(self._pace_s)
        return super().translate(batch)


class PacedSynthesizer(ScriptedSynthesizer):
    """Takes so many seconds for a batch."""

    def __init__(self, pace_s: float) -> None:
        """Work at this pace."""
        super().__init__()
        self._pace_s = pace_s

    def speak(self, batch: Sequence[SpeakRequest]) -> list[Speech | MeeshyError]:
        """Return what the scripted synthesizer returns, later."""
        time.sleep(self._pace_s)
        return super().speak(batch)


def perilous(pace_s: float) -> Build:
    """Return what builds a workshop of these engines at a pace in seconds per batch."""

    def build(settings: Settings, database: Database) -> ScriptedAssembly:
        assembly = ScriptedAssembly(settings, database)
        engines = replace(
            assembly.context.engines,
            transcriber=PerilousTranscriber(pace_s),
            translator=PacedTranslator(pace_s),
            synthesizer=PacedSynthesizer(pace_s),
        )
        assembly.context = replace(assembly.context, engines=engines)
        return assembly

    return build
