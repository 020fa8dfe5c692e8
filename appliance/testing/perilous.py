"""Paced engines of which one kills its process when it hears a marked text: for tests of what a death leaves behind."""

import os
import signal
from collections.abc import Sequence
from dataclasses import replace

from appliance.engines.protocols import TranscribeRequest, Transcription
from appliance.errors import MeeshyError
from appliance.settings import Settings
from appliance.storage.database import Database
from appliance.testing.pace import PACED, Pace, Timing
from appliance.testing.paced import PacedTranscriber
from appliance.testing.paced_workshop import PacedAssembly
from appliance.workers.workshop import Build

DEADLY = "DEADLY"
"""Hearing this ends the process, as a recording that crashes an engine does."""


class PerilousTranscriber(PacedTranscriber):
    """Takes so many seconds for a batch; dies of one that holds DEADLY."""

    def __init__(self, pace_s: float) -> None:
        """Work at this pace."""
        super().__init__(Timing("hear", Pace(pace_s)))

    def transcribe(self, batch: Sequence[TranscribeRequest]) -> list[Transcription | MeeshyError]:
        """Return the batch's texts, or none ever."""
        heard = super().transcribe(batch)
        if any(isinstance(each, Transcription) and DEADLY in each.text for each in heard):
            os.kill(os.getpid(), signal.SIGKILL)
        return heard


def perilous(pace_s: float) -> Build:
    """Return what builds a workshop of these engines at a pace in seconds per batch."""

    def build(settings: Settings, database: Database) -> PacedAssembly:
        assembly = PacedAssembly(settings, database, {family: Timing(family, Pace(pace_s)) for family in PACED})
        engines = replace(assembly.context.engines, transcriber=PerilousTranscriber(pace_s))
        assembly.context = replace(assembly.context, engines=engines)
        return assembly

    return build
