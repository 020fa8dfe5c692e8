"""What the API answers with. Times are seconds, languages BCP-47; texts of errors are sentences for users."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from appliance.jobs.documents import MissingRange
from appliance.jobs.states import JobState, TargetState

Ratio = Annotated[float, Meta(description="From 0 to 1.")]


class WordOut(msgspec.Struct, frozen=True, kw_only=True):
    """One word of the recording with its place in it."""

    start_s: float
    end_s: float
    text: str
    probability: float


class SegmentOut(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of speech between pauses."""

    start_s: float
    end_s: float
    text: str
    confidence: float
    words: list[WordOut] = []


class SourceOut(msgspec.Struct, frozen=True, kw_only=True):
    """What was heard in the recording."""

    language: str
    text: str
    duration_s: float
    confidence: float
    cached: bool
    segments: list[SegmentOut]


class ErrorOut(msgspec.Struct, frozen=True, kw_only=True):
    """Why a job or a language has no result; the codes are those of docs/errors.md."""

    code: str
    detail: str


class TargetOut(msgspec.Struct, frozen=True, kw_only=True):
    """One language of the job."""

    language: str
    state: TargetState
    text: str | None
    audio_url: str | None
    duration_s: float | None
    similarity: float | None
    cached: bool
    quality: Annotated[
        Literal["starter", "standard"] | None,
        Meta(description="`starter` marks the small language packs that come with the appliance."),
    ]
    voice: Annotated[
        Literal["stock", "matched", "cloned"] | None,
        Meta(description="Whose voice speaks: nobody's, one mixed to resemble the speaker, the speaker's own."),
    ]
    voice_notice: Annotated[str | None, Meta(description="What the listener should know about the voice.")]
    receipt: Annotated[dict[str, Any] | None, Meta(description="What was measured on the audio; see Receipt.")]
    error: ErrorOut | None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A job as its owner sees it; with a single target, its audio stands at the top level too."""

    job_id: str
    state: JobState
    accepted_s: float
    finished_s: float | None
    queue_position: Annotated[
        int | None, Meta(description="While it is open: 1 and the open jobs with an earlier deadline.")
    ]
    eta_s: Annotated[
        float | None, Meta(description="While it is open: seconds from now to its end; null where nothing is known.")
    ]
    source: SourceOut | None
    targets: list[TargetOut]
    audio_url: str | None
    similarity: float | None
    cached: Annotated[bool, Meta(description="Every language was answered without computing anything.")]
    partial_input: Annotated[bool, Meta(description="The recording is damaged; what could be read was translated.")]
    missing: Annotated[list[MissingRange], Meta(description="The stretches that could not be read.")]
    error: ErrorOut | None
    retried_as: Annotated[
        str | None,
        Meta(description="The job of yours in which the site's operator tried again what failed in this one."),
    ] = None


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """RFC 9457 problem document; further members depend on the code."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    instance: str


class LanguageOut(msgspec.Struct, frozen=True, kw_only=True):
    """A language and what the appliance can do with it."""

    language: str
    name: str
    speaks: Annotated[bool, Meta(description="Whether a message can be spoken in it.")]


class RouteOut(msgspec.Struct, frozen=True, kw_only=True):
    """From which language to which a message can be translated and spoken."""

    source: str
    target: str
    quality: Annotated[str, Meta(description="`starter` marks the small language packs that come with the appliance.")]


class LanguagesOut(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that can be asked for now."""

    languages: list[LanguageOut]
    routes: list[RouteOut]
    voice_kind: Annotated[
        Literal["matched", "cloned"], Meta(description="How a speaker's voice is made where consent was attested.")
    ]
    deepl: Annotated[bool, Meta(description="Whether a request with allow_deepl may use DeepL where no pack leads.")]


class AliveOut(msgspec.Struct, frozen=True, kw_only=True):
    """The process answers."""

    status: Literal["alive"]


class ReadyOut(msgspec.Struct, frozen=True, kw_only=True):
    """The appliance can do its job."""

    status: Literal["ready"]


class HealthOut(msgspec.Struct, frozen=True, kw_only=True):
    """What readiness was judged by."""

    status: Literal["ready"]
    version: str
    workers: Annotated[int, Meta(description="Workers seen lately.")]
    spoken_since_start: Annotated[
        bool, Meta(description="Whether a living worker has spoken a real utterance since it started.")
    ]
    transcriber: str
    synthesizer: str
