"""The typed documents that jobs are made of: what is asked, what is known, what is answered."""

from typing import Any, Literal

import msgspec

from appliance.jobs.states import JobState, TargetState
from appliance.owner import Owner


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What an application asks for; everything here shapes the answer, so all of it is in the request's digest."""

    targets: tuple[str, ...]
    source_language: str | None = None
    voice: Literal["speaker", "stock"] = "speaker"
    consent: bool = False
    audio_format: Literal["wav", "mp3", "opus", "m4a"] = "wav"
    allow_deepl: bool = False
    webhook_url: str | None = None

    @property
    def voice_in_force(self) -> Literal["speaker", "stock"]:
        """Return `speaker` only where consent was attested."""
        return "speaker" if self.voice == "speaker" and self.consent else "stock"

    def choices(self) -> dict[str, object]:
        """Return what in this request shapes the audio of a language, for the result's cache key."""
        return {
            "source_language": self.source_language,
            "voice": self.voice_in_force,
            "audio_format": self.audio_format,
            "allow_deepl": self.allow_deepl,
        }


RECORDING_BYTES_PER_S = 32_000
"""Of the stored samples: 16 kHz, one channel, two bytes each."""


class MissingRange(msgspec.Struct, frozen=True):
    """A stretch of the recording that could not be decoded."""

    start_s: float
    end_s: float


class AudioFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What decoding learned about the upload; `pcm` names the stored 16 kHz mono s16le samples."""

    pcm: str
    """Empty once the recording is no longer kept; what is known about it stays."""
    duration_s: float
    container: str
    codec: str
    missing: tuple[MissingRange, ...] = ()
    cut_short: bool = False
    """The file ends before its proper end, and nothing in it tells how much is missing there."""
    snr_db: float | None = None
    clipping_ratio: float = 0.0

    @property
    def recording_bytes(self) -> int:
        """Return what the stored samples take; 0 where they are not kept."""
        return round(self.duration_s * RECORDING_BYTES_PER_S) if self.pcm else 0


class Failure(msgspec.Struct, frozen=True):
    """Why a job or a target has no result, as an error code and a sentence."""

    code: str
    detail: str


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """What was heard; `transcription` is the engine's Transcription as plain data."""

    language: str
    text: str
    duration_s: float
    confidence: float
    language_probability: float
    transcription: dict[str, Any]
    transcriber: str
    cached: bool = False
    elapsed_ms: float = 0.0


class Spoken(msgspec.Struct, frozen=True, kw_only=True):
    """The finished audio of one target; `object` names it in the store."""

    object: str
    sha256: str
    size_bytes: int
    audio_format: str
    media_type: str
    duration_s: float
    voice_kind: Literal["stock", "matched", "cloned"]
    receipt: dict[str, Any]
    limits: dict[str, float] = {}
    """The quality limits that its readings were judged by, as settings name them."""


class TargetDocument(msgspec.Struct, frozen=True, kw_only=True):
    """One language of a job."""

    id: str
    language: str
    state: TargetState
    cached: bool
    follows_id: str | None
    """The target of another job whose result this one takes over."""
    translation: dict[str, Any] | None
    spoken: Spoken | None
    error: Failure | None
    finished_s: float | None


class JobDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A job with its targets, as every reader sees it."""

    id: str
    owner: Owner
    state: JobState
    accepted_s: float
    deadline_s: float
    finished_s: float | None
    request: Request
    audio_sha256: str
    """Of the uploaded bytes."""
    audio: AudioFacts | None
    source: Source | None
    targets: tuple[TargetDocument, ...]
    error: Failure | None
    plan: str | None = None
    """The plan it was accepted under; None for jobs from before there were plans."""
    priority: int = 0
    sla_s: float | None = None
    eta_s: float | None = None
    """In how many seconds it was expected to be done when it was accepted; None where nothing was known."""


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker can do, published so that the API can refuse early and key its caches without loading a model."""

    transcriber: str
    synthesizer: str
    voice_kind: Literal["matched", "cloned"]
    speaks: tuple[str, ...]
    routes: tuple[tuple[str, str, str], ...]
    """(source, target, quality) of every route that needs no external service."""
    pipelines: dict[str, str]
    """Per target language: a digest of everything that shapes its audio."""
    deepl: bool = False
    """Whether site policy and a key allow DeepL for requests that ask for it."""
