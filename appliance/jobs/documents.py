"""The typed documents that jobs are made of: what is asked, what is known, what is answered."""

from typing import Any, Literal

import msgspec

from appliance.jobs.states import JobState, TargetState
from appliance.owner import Owner
from appliance.voices.profile_documents import ProfileUse, Unused


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What an application asks for, and the voice profile that was there when the job was accepted.

    Everything that is asked shapes the answer, so all of it is in the request's digest.
    """

    targets: tuple[str, ...]
    source_language: str | None = None
    voice: Literal["speaker", "stock", "profile"] = "speaker"
    consent: bool = False
    audio_format: Literal["wav", "mp3", "opus", "m4a"] = "wav"
    allow_deepl: bool = False
    webhook_url: str | None = None
    profile: ProfileUse | None = None
    """Found at acceptance, not asked for: the owner's profile, and the languages that it speaks here."""
    profile_unused: Unused | None = None
    """Why a profile that the owner has does not speak all languages."""

    @property
    def voice_without_profile(self) -> Literal["speaker", "stock"]:
        """Return `speaker` only where consent was attested: whose voice speaks where no profile does."""
        return "speaker" if self.voice != "stock" and self.consent else "stock"

    def voice_in_force(self, language: str) -> Literal["speaker", "stock", "profile"]:
        """Return whose voice speaks a language."""
        if self.profile is not None and language in self.profile.languages:
            return "profile"
        return self.voice_without_profile

    @property
    def asked(self) -> dict[str, object]:
        """Return what the application asked for, as plain data: what a repetition must ask for too."""
        document = msgspec.to_builtins(self)
        return {name: value for name, value in document.items() if name not in ("profile", "profile_unused")}

    def choices(self, language: str) -> dict[str, object]:
        """Return what in this request shapes the audio of a language, for the result's cache key."""
        voice = self.voice_in_force(language)
        chosen: dict[str, object] = {
            "source_language": self.source_language,
            "voice": voice,
            "audio_format": self.audio_format,
            "allow_deepl": self.allow_deepl,
        }
        if voice == "profile" and self.profile is not None:
            # Whose voice speaks where the recording turns out to be somebody else's is a part of it.
            chosen |= {"profile": (self.profile.id, self.profile.version), "otherwise": self.voice_without_profile}
        return chosen


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
    counted_before: bool = False
    """Whether the job that this one takes up has counted the recording's seconds and bytes for its owner."""

    @property
    def recording_bytes(self) -> int:
        """Return what the stored samples count for; 0 where they are not kept, or count elsewhere."""
        return round(self.duration_s * RECORDING_BYTES_PER_S) if self.pcm and not self.counted_before else 0

    @property
    def counted_s(self) -> float:
        """Return the seconds that the recording counts for."""
        return 0.0 if self.counted_before else self.duration_s


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
    """What the batch took that it was heard in."""
    engine_ms: float = 0.0
    """What the transcriber worked for it: its share of the batch."""


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
    erased: bool = False
    """The audio is gone with the voice profile that it was spoken with; `object` and `sha256` are empty then."""

    @property
    def by_profile(self) -> bool:
        """Return whether a stored voice profile spoke it."""
        return (self.receipt.get("voice") or {}).get("profile_version") is not None


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
    retried_as: str | None = None
    """The job that took up what failed in this one."""


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
