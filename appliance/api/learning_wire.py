"""What feedback, history and statistics take and answer. Times are seconds, languages BCP-47."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from appliance.api.bodies import Language, UserId
from appliance.jobs.states import JobState, TargetState
from appliance.learning.feedback import IssueKind

COMMENT_MAX = 1000
_DAY_S = 86_400.0

JobIdIn = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$", description="As in the answer.")]


class SignalsIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the result was used. One request may tell of several; each is counted on its own."""

    replayed: Annotated[int, Meta(ge=0, le=1000, description="How often it was played again.")] = 0
    re_recorded: Annotated[bool, Meta(description="The message was recorded anew.")] = False
    shared: Annotated[bool, Meta(description="It was passed on.")] = False
    listened_s: Annotated[float, Meta(ge=0, le=_DAY_S, description="Seconds of it that were heard.")] | None = None


class FeedbackIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person says about one language of a job, and how they used it; at least one thing of it."""

    user_id: UserId | None = None
    job_id: JobIdIn
    language: Language
    rating: Annotated[int, Meta(ge=1, le=5, description="A later one takes its place.")] | None = None
    sounds_like_me: bool | None = None
    translation_correct: bool | None = None
    issue: IssueKind | None = None
    comment: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=COMMENT_MAX,
                pattern=r"^[^\x00]*$",
                description="Free text; kept as long as the job, never logged.",
            ),
        ]
        | None
    ) = None
    signals: SignalsIn = SignalsIn()


class FeedbackOut(msgspec.Struct, frozen=True, kw_only=True):
    """What was noted."""

    event_id: Annotated[str, Meta(description="Of the opinion, or of the first signal where there is no opinion.")]


class LanguageEntryOut(msgspec.Struct, frozen=True, kw_only=True):
    """One language of a job in the list."""

    language: str
    state: TargetState
    cached: bool
    rating: Annotated[int | None, Meta(description="The one that counts: the last that its owner gave.")]


class JobEntryOut(msgspec.Struct, frozen=True, kw_only=True):
    """A job in the list."""

    job_id: str
    state: JobState
    accepted_s: float
    finished_s: float | None
    source_language: str | None
    text: Annotated[str | None, Meta(description="What was heard; only where `text=true` asked for it.")]
    languages: list[LanguageEntryOut]


class HistoryOut(msgspec.Struct, frozen=True, kw_only=True):
    """A page of jobs, newest first."""

    jobs: list[JobEntryOut]
    next_cursor: Annotated[str | None, Meta(description="Send it as `cursor` for the next page; null on the last.")]


class SpreadOut(msgspec.Struct, frozen=True, kw_only=True):
    """How measured seconds are spread; percentiles by nearest rank."""

    mean: float
    p50: float
    p95: float


class MeasuresOut(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured on results that have audio; null where there is nothing to measure."""

    spoken: Annotated[int, Meta(description="Results with audio: done and needs_review, kept answers included.")]
    cache_hit_rate: Annotated[float | None, Meta(description="Share of them that nothing was computed for.")]
    latency_s: Annotated[SpreadOut | None, Meta(description="From acceptance to the end.")]
    computed_latency_s: Annotated[SpreadOut | None, Meta(description="The same without kept answers.")]
    wer: Annotated[float | None, Meta(description="Mean word error rate.")]
    similarity: Annotated[float | None, Meta(description="Mean speaker similarity of voices that are not stock.")]
    ratings: Annotated[int, Meta(description="How many ratings count.")]
    rating: Annotated[float | None, Meta(description="Their mean, 1 to 5.")]


class PairOut(MeasuresOut, frozen=True, kw_only=True):
    """The same for one pair of languages."""

    source: str
    target: str


class StatsOut(MeasuresOut, frozen=True, kw_only=True):
    """Figures of one user, or of the whole application."""

    scope: Literal["user", "application"]
    since_s: Annotated[float | None, Meta(description="As asked; null: everything that is kept.")]
    jobs: Annotated[int, Meta(description="Jobs of which a language ended in that time, and those that are open now.")]
    targets: Annotated[
        dict[TargetState, int], Meta(description="Languages that ended in that time or are open now, by state.")
    ]
    eta_error_s: Annotated[
        SpreadOut | None, Meta(description="How much later than expected at acceptance jobs ended; negative: earlier.")
    ]
    pairs: list[PairOut]
