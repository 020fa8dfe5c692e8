"""What every stage works with: the database, the object store, the loaded engines, and the settings in force."""

from dataclasses import dataclass, field

from appliance.clock import Clock, SystemClock
from appliance.engines.protocols import SpeakerEncoder, Synthesizer, Transcriber, Translator
from appliance.settings import Settings
from appliance.stages.references import References
from appliance.storage.database import Database
from appliance.storage.objects import ObjectStore


@dataclass(frozen=True)
class Engines:
    """The engines of one worker. `deepl` is None unless site policy allows it and a key is set."""

    transcriber: Transcriber
    translator: Translator
    synthesizer: Synthesizer
    encoder: SpeakerEncoder
    deepl: Translator | None = None
    whisper_translates: bool = True
    """Whether the loaded Whisper was trained on its translate task (the `.en` models and turbo were not)."""


@dataclass(frozen=True)
class Context:
    """Handed to every stage; nothing in it belongs to one speaker but `references`, which is keyed by owner and job."""

    database: Database
    objects: ObjectStore
    engines: Engines
    settings: Settings
    references: References
    clock: Clock = field(default_factory=SystemClock)
