"""A worker's workshop with paced engines."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from appliance.settings import Settings
from appliance.storage.database import Database
from appliance.testing.pace import PACED, Begins, Pace, Timing
from appliance.testing.paced import PacedSynthesizer, PacedTranscriber, PacedTranslator
from appliance.testing.scripted_child import ScriptedAssembly
from appliance.workers.workshop import Build


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
