"""What every stage works with: the database, the object store, the loaded engines, and the settings in force."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from appliance.cache.database_cache import DatabaseCache
from appliance.cache.interface import Cache
from appliance.clock import Clock, SystemClock
from appliance.engines.protocols import SpeakerEncoder, Synthesizer, Transcriber, Translator, Voice
from appliance.engines.warm import WarmModels
from appliance.languages import NAMES
from appliance.settings import Settings
from appliance.stages.references import References
from appliance.storage.database import Database
from appliance.storage.objects import ObjectStore
from appliance.voices.refine import Refinement
from appliance.voices.sealing import Vault

OPENED_S = 20.0
"""The languages of a message come within seconds. Less than the minute in which an erasure has to be complete."""


@dataclass(frozen=True)
class Engines:
    """The engines of one worker. `deepl` is None unless site policy allows it and a key is set."""

    transcriber: Transcriber
    translator: Translator
    synthesizer: Synthesizer
    encoder: SpeakerEncoder
    deepl: Translator | None = None
    hears: frozenset[str] = frozenset(NAMES)
    """The languages that the transcriber was trained on."""
    refine_voice: Callable[..., Refinement] | None = None
    """Searches for a voice closer to a speaker than the given one: (recording, language, voice), seconds of work.

    With `goal`, the speaker's embedding, the recording may be None; `steps` and `probes` say how far to search,
    and `rivals` are further voices to start from where one of them sounds nearer.
    """
    clearer_voice: Callable[[Voice, str], Voice] | None = None
    """Returns a voice that is easier to understand in a language and less like the speaker."""
    voice_kind: Literal["matched", "cloned"] = "matched"
    """What a voice made from a recording is: mixed of stock voices, or conditioned on the recording itself."""
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
    kept: Cache | None = None
    """The second cache level where it is beside the database; None: it is the database."""
    models: WarmModels = field(default_factory=WarmModels)
    """The models in memory."""

    @property
    def cache(self) -> Cache:
        """Return the second cache level."""
        return self.kept or DatabaseCache(self.database)

    @cached_property
    def opened(self) -> References:
        """Return what opens the voice profiles in use: their keys, for some seconds, and in memory only."""
        return References(kept_s=OPENED_S, clock=self.clock)

    def forget_old(self) -> None:
        """Let go of what was kept of speakers and is too old."""
        self.references.forget_old()
        self.opened.forget_old()

    @cached_property
    def vault(self) -> Vault:
        """Return where the keys of voice profiles lie."""
        return Vault(self.settings, self.objects)
