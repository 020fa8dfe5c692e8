"""Building a worker's engines from the settings and the catalog: the only place that knows all engine classes."""

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from appliance.access.licences import require_acceptance
from appliance.cache.opening import open_cache
from appliance.catalog.catalog import CHECKOUT, Catalog
from appliance.catalog.model import Model, ModelFile
from appliance.catalog.store import ModelStore
from appliance.engines.argos import ArgosTranslator
from appliance.engines.argos_model import try_out
from appliance.engines.argos_packs import ArgosPacks
from appliance.engines.deepl import DeepL, DeepLCall
from appliance.engines.faster_whisper import FasterWhisper
from appliance.engines.kokoro import Kokoro
from appliance.engines.protocols import Samples, SpeakRequest, Voice
from appliance.engines.speaker_encoder import ResemblyzerEncoder
from appliance.engines.speech_gate import SpeechGate
from appliance.engines.warm import VOICE, WHISPER, WarmModels
from appliance.engines.xtts import Xtts
from appliance.engines.xtts_link import Launch
from appliance.errors import MeeshyError, ModelMissing
from appliance.owner import Owner
from appliance.settings import Settings
from appliance.stages.context import Context, Engines
from appliance.stages.references import References
from appliance.storage.audit import record
from appliance.storage.database import Database
from appliance.storage.opening import open_store
from appliance.voices.refine import Refinement, Trail, refine
from installer.xtts_environment import environment_folder

VALIDATED_WINDOWS = frozenset({"whisper-base"})
"""Whisper models whose shortened window was found as good as the padded one on human speech (tests/models)."""

REFINE_STEPS = 6
REFINE_BUDGET_S = 15.0
"""A step speaks and hears one short sentence: about a second on two cores. More steps gain little (voices/evaluate)."""

CLEARER_SHARE = 0.5
"""How much of the language's stock voice a reading gets after one that was misheard."""

COMPUTE_TYPES = {"cpu": "int8", "cuda": "float16"}
"""Of Whisper: 8 bits are what a CPU is fast with; for packs, published figures of an A10G are better with 16 bits
(9297 tokens a second) than with 8 (7522)."""

PACKS_BYTES = 1 << 30
"""For language packs, where the site does not say how much memory all models may take."""
XTTS_ROWS = {"cpu": 8, "cuda": 16}
"""Sentences in one pass. On a CPU the gain flattens at 8 (docs/xtts.md); when memory runs out, the engine halves it."""

ENGLISH_ONLY = frozenset({"whisper-tiny-en"})


@dataclass
class Assembled:
    """A worker's context, with the parts that need closing."""

    context: Context
    transcriber: FasterWhisper
    synthesizer: Kokoro | Xtts
    translator: ArgosTranslator
    stays_bytes: Mapping[str, int]
    """What the models take that stay in memory, by their kind."""

    def warm(self, families: Collection[str]) -> None:
        """Load what these families need, so that the first job pays for nothing; EngineFailed if it does not work.

        A worker that speaks has then spoken one real utterance.
        """
        if "hear" in families:
            self.transcriber.warm()
            self.context.models.keep_warm(WHISPER, self.stays_bytes[WHISPER])
        if "synthesize" not in families:
            return
        language = min(self.synthesizer.languages())
        spoken = self.synthesizer.speak([SpeakRequest("1, 2, 3.", language, self.synthesizer.stock_voice(language))])
        if isinstance(spoken[0], MeeshyError):
            raise spoken[0]
        self.context.models.keep_warm(VOICE, self.stays_bytes[VOICE])

    def close(self) -> None:
        """Free the models."""
        self.transcriber.close()
        self.translator.close()
        self.context.cache.close()
        if isinstance(self.synthesizer, Xtts):
            self.synthesizer.close()


def assemble(settings: Settings, database: Database, slots: int = 1, catalog: Catalog | None = None) -> Assembled:
    """Build the engines of the model preset; ModelMissing and its siblings say what to pull. Nothing is downloaded.

    `slots` threads may listen and translate at once, on one copy of the weights; speaking takes one thread.
    """
    store = ModelStore(settings, catalog)
    threads = settings.threads or os.cpu_count() or 1
    encoder = ResemblyzerEncoder(
        store.require("speaker-encoder") / "pretrained.pt", store.fingerprint("speaker-encoder")
    )
    transcriber = _transcriber(settings, store, threads, slots)
    synthesizer = _synthesizer(settings, store, database, encoder, threads)
    stays_bytes = {
        WHISPER: _model(store, settings, "transcription").memory_bytes,
        VOICE: _model(store, settings, "synthesis").memory_bytes,
    }
    models = WarmModels(settings.model_memory_bytes or sum(stays_bytes.values()) + PACKS_BYTES)
    translator = ArgosTranslator(install_packs(settings, store), threads=threads, device=settings.device, models=models)
    engines = Engines(
        transcriber=transcriber,
        translator=translator,
        synthesizer=synthesizer,
        encoder=encoder,
        deepl=_deepl(settings, database),
        hears=frozenset(_model(store, settings, "transcription").languages),
        refine_voice=_refiner(synthesizer, encoder),
        clearer_voice=_clearer(synthesizer),
        voice_kind="cloned" if isinstance(synthesizer, Xtts) else "matched",
        whisper_translates=_model(store, settings, "transcription").id not in ENGLISH_ONLY,
    )
    context = Context(
        database, open_store(settings), engines, settings, References(), kept=open_cache(settings, database),
        models=models,
    )  # fmt: skip
    return Assembled(context, transcriber, synthesizer, translator, stays_bytes)


def install_packs(settings: Settings, store: ModelStore) -> ArgosPacks:
    """Return the site's language packs, with the preset's packs installed where they are new or have changed."""
    packs = ArgosPacks(settings.models_dir / "argos", try_out=try_out)
    for model in store.catalog.of_set(settings.model_preset, task="translation"):
        stamp = settings.models_dir / "argos" / "installed-from" / model.id
        fingerprint = store.fingerprint(model.id)
        source, target = model.languages[:2]
        if packs.find(source, target) is None or not stamp.exists() or stamp.read_text() != fingerprint:
            # A starter pack does not take the place of a standard one: ArgosPacks.install sees to that.
            packs.install(store.require(model.id) / model.files[0].path)
            stamp.parent.mkdir(parents=True, exist_ok=True)
            stamp.write_text(fingerprint)
    return packs


def _transcriber(settings: Settings, store: ModelStore, threads: int, slots: int) -> FasterWhisper:
    model = _model(store, settings, "transcription")
    return FasterWhisper(
        store.require(model.id),
        model=model.id,
        model_sha256=store.fingerprint(model.id),
        threads=threads,
        device=settings.device,
        compute_type=COMPUTE_TYPES[settings.device],
        callers=slots,
        adaptive_window=model.id in VALIDATED_WINDOWS,
    )


def _synthesizer(
    settings: Settings, store: ModelStore, database: Database, encoder: ResemblyzerEncoder, threads: int
) -> Kokoro | Xtts:
    model = _model(store, settings, "synthesis")
    store.check_licence(model.id)
    require_acceptance(database, model)
    folder = store.require(model.id)
    if model.engine == "xtts":
        return _xtts(settings, store, model)
    if model.engine != "kokoro":
        raise ModelMissing(f"The model preset '{settings.model_preset}' speaks with {model.engine}, not built in.")
    return Kokoro(
        folder / "model.onnx",
        folder / "voices",
        encoder,
        threads=threads,
        # Of the network alone: the facts about the stock voices are tied to it, not to the whole model's fingerprint.
        model_sha256=store.expected_sha256(model, _file(model, "model.onnx")) or "",
    )


def _xtts(settings: Settings, store: ModelStore, model: Model) -> Xtts:
    launch = Launch(
        python=xtts_python(settings), folder=store.folder(model.id), device=settings.device, threads=settings.threads,
        rows=XTTS_ROWS[settings.device],
    )  # fmt: skip
    return Xtts(
        launch, model.languages, model=model.id, model_sha256=store.fingerprint(model.id), gate=SpeechGate()
    )  # fmt: skip


def xtts_python(settings: Settings) -> Path:
    """Return the interpreter that XTTS runs under, there or not."""
    if settings.xtts_python:
        return Path(settings.xtts_python)
    return environment_folder(CHECKOUT) / "bin" / "python"


def _refiner(synthesizer: Kokoro | Xtts, encoder: ResemblyzerEncoder) -> Callable[..., Refinement] | None:
    if isinstance(synthesizer, Xtts):
        return None  # A cloned voice is the model's own: there are no weights of stock voices to search.

    def closer(
        reference: Samples | None,
        language: str,
        voice: Voice,
        *,
        steps: int = REFINE_STEPS,
        goal: Samples | None = None,
        probes: int = 1,
        rivals: Sequence[Voice] = (),
        trail: Trail | None = None,
    ) -> Refinement:
        facts = synthesizer.stock_facts()
        return refine(
            synthesizer, encoder, facts, reference, language, voice, goal=goal, steps=steps,
            probes=probes, rivals=rivals, trail=trail, budget_s=REFINE_BUDGET_S
        )  # fmt: skip

    return closer


def _clearer(synthesizer: Kokoro | Xtts) -> Callable[[Voice, str], Voice] | None:
    if isinstance(synthesizer, Xtts):
        return None
    return lambda voice, language: synthesizer.nearer_native(voice, language, CLEARER_SHARE)


def _deepl(settings: Settings, database: Database) -> DeepL | None:
    if not (settings.allow_deepl and settings.deepl_key):
        return None

    def audited(call: DeepLCall) -> None:
        with database.write() as connection:
            record(
                connection, Owner("", ""), "deepl_call", f"{call.source}>{call.target}", database.now_s(connection),
                texts=call.texts, characters=call.characters, status=call.status, duration_ms=call.duration_ms,
                attempt=call.attempt,
            )  # fmt: skip

    return DeepL(settings.deepl_key, url=settings.deepl_url, audit=audited)


def _file(model: Model, path: str) -> ModelFile:
    return next(file for file in model.files if file.path == path)


def _model(store: ModelStore, settings: Settings, task: str) -> Model:
    found = store.catalog.of_set(settings.model_preset, task=task)
    if not found:
        raise ModelMissing(f"The model preset '{settings.model_preset}' has no model for {task}.")
    return found[0]
