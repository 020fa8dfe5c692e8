"""A worker child with scripted engines: everything of the real one but the models."""

import sys
from collections.abc import Collection

from appliance.cache.opening import open_cache
from appliance.settings import Settings
from appliance.stages.context import Context, Engines
from appliance.stages.references import References
from appliance.storage.database import Database
from appliance.storage.opening import open_store
from appliance.testing.engines import ScriptedEncoder, ScriptedSynthesizer, ScriptedTranscriber, ScriptedTranslator
from appliance.workers.child import main


class ScriptedAssembly:
    """Stands where `appliance.workers.assembly.Assembled` stands."""

    def __init__(self, settings: Settings, database: Database) -> None:
        """Build a context with scripted engines."""
        engines = Engines(
            ScriptedTranscriber(), ScriptedTranslator(), ScriptedSynthesizer(), ScriptedEncoder(),
            whisper_translates=False,
        )  # fmt: skip
        self.context = Context(
            database, open_store(settings), engines, settings, References(), kept=open_cache(settings, database)
        )

    def warm(self, families: Collection[str]) -> None:
        """There is nothing to load."""

    def close(self) -> None:
        """There is nothing to free."""


if __name__ == "__main__":
    sys.exit(main(ScriptedAssembly))
