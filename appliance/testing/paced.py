"""Scripted engines that take their time without using the processor, as an engine on a GPU does.

A batch takes `first_s` and `further_s` for each item after the first, so that what batching gains can be said in two
numbers. Engines load when they are warmed, or else at their first batch.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from appliance.engines.protocols import (
    SpeakRequest,
    Speech,
    TranscribeRequest,
    Transcription,
    TranslateRequest,
    Translation,
)
from appliance.errors import CommandFailed, MeeshyError
from appliance.settings import Settings
from appliance.storage.database import Database
from appliance.testing.engines import ScriptedSynthesizer, ScriptedTranscriber, ScriptedTranslator
from appliance.testing.scripted_child import ScriptedAssembly
from appliance.workers.workshop import Build

PACED = ("hear", "translate", "synthesize")
"""The families of work that have an engine."""

Begins = Callable[[str, int], object]
"""Is told the family and the size of every batch when an engine begins it."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long an engine takes for a batch: for its first item, and for each further one."""

    first_s: float = 0.0
    further_s: float = 0.0

    def batch_s(self, count: int) -> float:
        """Return the seconds that a batch of so many items takes."""
        return self.first_s + self.further_s * (count - 1) if count else 0.0


def pace_of(text: str) -> tuple[str, Pace]:
    """Return the family and pace that `family=first+further` names, in seconds; CommandFailed where it is wrong."""
    family, _, seconds = text.partition("=")
    first, _, further = seconds.partition("+")
    try:
        pace = Pace(float(first), float(further or 0.0))
    except ValueError:
        raise CommandFailed(f"'{text}' is no pace: a family, '=', seconds, '+', seconds for each further item.") from None
    if family not in PACED:
        raise CommandFailed(f"'{family}' has no engine; there are: {', '.join(PACED)}.")
    return family, pace


class Timing:
    """One engine's time: loads once, then takes what its pace says, and tells when each batch begins."""

    def __init__(self, family: str, pace: Pace, load_s: float = 0.0, begins: Begins = lambda family, count: None) -> None:
        """Take this pace for a family's batches."""
        self._family, self._pace, self._unloaded_s, self._begins = family, pace, load_s, begins

    def load(self) -> None:
        """Load what is not loaded yet."""
        load_s, self._unloaded_s = self._unloaded_s, 0.0
        time.sleep(load_s)

    def take(self, count: int) -> None:
        """Return when a batch of so many items is done."""
        self._begins(self._family, count)
        self.load()
        time.sleep(self._pace.batch_s(count))


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


class PacedAssembly(ScriptedAssembly):
    """Stands where `appliance.workers.assembly.Assembled` stands, with paced engines."""

    def __init__(self, settings: Settings, database: Database, timings: Mapping[str, Timing]) -> None:
        """Build a context with an engine per timing."""
        super().__init__(settings, database)
        self._timings = timings
        engines = replace(
            self.context.engines,
            transcriber=PacedTranscriber(timings["hear"]),
            translator=PacedTranslator(timings["translate"]),
            synthesizer=PacedSynthesizer(timings["synthesize"]),
        )
        self.context = replace(self.context, engines=engines)

    def warm(self, families: Collection[str]) -> None:
        """Load these families' engines."""
        for family in families:
            if family in self._timings:
                self._timings[family].load()


def paced(paces: Mapping[str, Pace], load_s: float = 0.0, begins: Begins = lambda family, count: None) -> Build:
    """Return what builds a workshop of engines at these paces, by family; one without a pace takes no time."""

    def build(settings: Settings, database: Database) -> PacedAssembly:
        timings = {family: Timing(family, paces.get(family, Pace()), load_s, begins) for family in PACED}
        return PacedAssembly(settings, database, timings)

    return build
