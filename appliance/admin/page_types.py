"""Wire types of pages and series: jobs, dead letters, audit, history. Read `schema.py` first."""

from typing import Annotated

import msgspec
from msgspec import Meta

from appliance.admin.live_types import Event, JobCounts, Lane, RoleName


class Me(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks: the application that the key was made for, and the highest role it has."""

    name: str = ""
    role: RoleName = ""
    key_id: str = ""


class JobLine(msgspec.Struct, frozen=True, kw_only=True):
    """One item of a lane with its job."""

    item_id: str = ""
    job_id: Annotated[str | None, Meta(description="Null for a sample of a voice profile.")] = None
    lane: str = ""
    state: Annotated[str, Meta(description="`waiting` or `running`.")] = ""
    application: str = ""
    source_language: str | None = None
    target_language: str | None = None
    audio_s: float | None = None
    attempts: int = 0
    wait_s: Annotated[float, Meta(description="Since it was made; of a running one, until it was taken.")] = 0.0
    run_s: float | None = None
    slack_s: Annotated[float, Meta(description="Until its deadline; negative: late.")] = 0.0
    worker_id: str | None = None


class JobsPage(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a lane, the earliest deadline first."""

    server_time_s: float = 0.0
    lane: str = ""
    stage: str = ""
    priority: int = 0
    total: Annotated[int | None, Meta(description="Items that the filter takes; null where not asked for.")] = None
    jobs: tuple[JobLine, ...] = ()
    next_cursor: Annotated[str | None, Meta(description="Send it as `cursor`; null on the last page.")] = None


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One work item in a job's life."""

    item_id: str = ""
    stage: str = ""
    state: Annotated[str, Meta(description="`ready`, `claimed`, `done`, `failed` or `cancelled`.")] = ""
    target_language: str | None = None
    attempts: int = 0
    created_ago_s: float = 0.0
    waited_s: Annotated[float | None, Meta(description="Until it was last taken; null where it never was.")] = None
    worker_id: str | None = None
    lease_s: Annotated[float | None, Meta(description="What is left of its lease.")] = None


class Language(msgspec.Struct, frozen=True, kw_only=True):
    """One language of a job: figures alone."""

    language: str = ""
    state: str = ""
    cached: bool = False
    spoken_s: float | None = None
    characters: Annotated[int | None, Meta(description="Length of the translation.")] = None
    voice: str | None = None
    wer: float | None = None
    similarity: float | None = None
    error: Annotated[str | None, Meta(description="The error's code.")] = None
    finished_ago_s: float | None = None


class JobDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A job for who operates the appliance: lengths and languages, no text and no audio."""

    server_time_s: float = 0.0
    job_id: str = ""
    state: str = ""
    application: str = ""
    plan: str | None = None
    priority: int = 0
    accepted_s: float = 0.0
    accepted_ago_s: float = 0.0
    finished_ago_s: float | None = None
    sla_s: float | None = None
    eta_s: float | None = None
    slack_s: Annotated[float | None, Meta(description="Until its deadline while it is open; negative: late.")] = None
    audio_s: float = 0.0
    source_language: str | None = None
    source_characters: int | None = None
    recording_kept: bool = False
    languages: tuple[Language, ...] = ()
    steps: tuple[Step, ...] = ()
    error: Annotated[str | None, Meta(description="The error's code.")] = None
    retried_as: Annotated[str | None, Meta(description="The job that a retry made of it.")] = None
    can_cancel: bool = False
    can_retry: bool = False


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A job with a language that failed, and whose recording is still there."""

    job_id: str = ""
    stage: Annotated[str | None, Meta(description="Of the work that failed last; null where none is known.")] = None
    priority: int = 0
    application: str = ""
    source_language: str | None = None
    failed_languages: tuple[str, ...] = ()
    audio_s: float = 0.0
    attempts: int = 0
    error: Annotated[str | None, Meta(description="The error's code.")] = None
    failed_s: float = 0.0
    failed_ago_s: float = 0.0


class DeadLettersPage(msgspec.Struct, frozen=True, kw_only=True):
    """Dead letters, the newest first."""

    server_time_s: float = 0.0
    count: Annotated[int, Meta(description="All that the filter takes; what a bulk retry has to expect.")] = 0
    dead_letters: tuple[DeadLetter, ...] = ()
    next_cursor: str | None = None


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the audit."""

    id: int = 0
    at_s: float = 0.0
    ago_s: float = 0.0
    application: str = ""
    actor: Annotated[str, Meta(description="User, key (`key:…`) or `operator` at the command line.")] = ""
    action: str = ""
    subject: str = ""
    result: Annotated[str | None, Meta(description="Of an action: `done` or the error's code.")] = None
    reason: str | None = None


class AuditPage(msgspec.Struct, frozen=True, kw_only=True):
    """The audit, the newest first."""

    server_time_s: float = 0.0
    entries: tuple[AuditEntry, ...] = ()
    next_cursor: str | None = None


class Point(msgspec.Struct, frozen=True, array_like=True):
    """One step of a series: its start, and its value; null where nothing was measured."""

    at_s: float = 0.0
    value: float | None = None


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """A figure over time, oldest step first, with what it was over the same time before."""

    name: str = ""
    unit: Annotated[str, Meta(description="`s`, `ratio`, `per_minute`, `items`, `bytes` or `w`.")] = ""
    points: tuple[Point, ...] = ()
    overall: Annotated[float | None, Meta(description="Of the whole window.")] = None
    before: Annotated[float | None, Meta(description="Of the window of the same length before.")] = None
    change: Annotated[float | None, Meta(description="`overall` - `before`.")] = None


class History(msgspec.Struct, frozen=True, kw_only=True):
    """Series over a window; steps that are missing were not measured."""

    server_time_s: float = 0.0
    window_s: float = 0.0
    step_s: float = 0.0
    series: tuple[Series, ...] = ()
    known: Annotated[tuple[str, ...], Meta(description="Names of all series that this window has.")] = ()
    scaling: Annotated[tuple[Event, ...], Meta(description="What the pools did in it, the newest 50 first.")] = ()
    scaling_left_out: Annotated[int, Meta(description="Older ones in it that are not told here.")] = 0


class Trend(msgspec.Struct, frozen=True, kw_only=True):
    """A figure of the last hour beside that of the hour before."""

    name: str = ""
    unit: str = ""
    value: float | None = None
    before: float | None = None
    change: float | None = None


class MetricsReport(msgspec.Struct, frozen=True, kw_only=True):
    """The site's figures of a window, each with its trend."""

    server_time_s: float = 0.0
    window_s: float = 0.0
    figures: tuple[Trend, ...] = ()


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """All lanes, as in a snapshot."""

    server_time_s: float = 0.0
    lanes: tuple[Lane, ...] = ()
    jobs: JobCounts = JobCounts()
