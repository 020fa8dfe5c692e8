"""Wire types of a snapshot: what the first screens show, of one moment. Read `schema.py` first."""

from typing import Annotated

import msgspec
from msgspec import Meta

from appliance.admin.quality_types import Quality

SCHEMA = "1.0"
"""Major and minor version of these types; a reader of another major version says so and shows nothing."""
INTERVAL_S = 2.0
"""How often the stream sends a snapshot, and how long one is kept for everybody."""
COMMENT_S = 15.0
"""How often the stream sends a comment besides."""
RETRY_MS = 2000
"""What the stream tells a reader to wait before it connects again."""
WINDOW_S = 300.0
"""What latency and cache figures of a snapshot look back on."""
STALE_S = 15.0
"""A worker that has not reported for this long counts as gone."""

STAGES = ("hear", "translate", "synthesize", "finish", "enrol")
PRIORITIES = (0, 1, 2)

RoleName = str
"""`viewer`, `operator` or `admin`. This and every state is a plain string: an older console must read a newer word."""
LaneState = str
"""`open`, `pausing` (nothing more is taken, what was taken before still runs) or `paused`."""
WorkerState = str
"""`idle`, `busy`, `draining` (takes nothing more, finishes), `drained` (has finished) or `stale` (not seen lately)."""
GpuHostState = str
"""`none` (there never was a GPU: engines run on the CPU), `old` (it had some, and has not read them for a while),
`driver` (its driver does not answer, or tells none of those that it told before) or `fewer` (it told more within the
last day)."""
Severity = str
"""`info`, `warning` or `error`."""


def lane_name(stage: str, priority: int) -> str:
    """Return a lane's name, which is its id in addresses too: `hear.p0`."""
    return f"{stage}.p{priority}"


class Spread(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How measured seconds are spread; from a histogram with steps of a tenth, so each is up to 5 % off."""

    count: int = 0
    p50_s: float | None = None
    p95_s: float | None = None
    p99_s: float | None = None


class Lane(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The work of one stage and one priority."""

    name: Annotated[str, Meta(description="Its id in addresses: `hear.p0`.")] = ""
    stage: str = ""
    priority: int = 0
    state: LaneState = "open"
    depth: Annotated[int, Meta(description="Items that no worker has taken.")] = 0
    running: Annotated[int, Meta(description="Items that a worker has taken.")] = 0
    overdue: Annotated[int, Meta(description="Of those that wait: past their deadline.")] = 0
    oldest_wait_s: Annotated[float | None, Meta(description="Of those that wait; null where none does.")] = None
    oldest_of_sla: Annotated[
        float | None, Meta(description="The largest part of its time that one of them has waited; above 1 it is late.")
    ] = None
    sla_s: Annotated[float | None, Meta(description="The strictest plan's of this priority, on this site.")] = None
    attainment: Annotated[
        float | None, Meta(description="Share of this priority's jobs of the last hour that ended in time, 0 to 1.")
    ] = None
    ended: Annotated[
        int | None, Meta(description="Jobs of this priority that ended within the last hour, which that is a share of.")
    ] = None
    dead: Annotated[int, Meta(description="Dead letters: failed here, can be retried.")] = 0
    paused_ago_s: float | None = None
    paused_by: str | None = None
    paused_reason: str | None = None


class Batch(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a worker has in hand."""

    stage: str = ""
    key: Annotated[str, Meta(description="Batch key, as `translate:en>fr`.")] = ""
    items: int = 0
    age_s: float = 0.0
    audio_s: float | None = None


class Worker(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A worker process that was seen within the last hour."""

    id: str = ""
    host: str = ""
    pid: int | None = None
    state: WorkerState = "idle"
    draining: Annotated[bool, Meta(description="Whether it was told to take nothing more.")] = False
    role: Annotated[str, Meta(description="`all`, `whisper`, `voice`, or its stages joined by `+`.")] = ""
    stages: tuple[str, ...] = ()
    slots: int = 1
    batches: Annotated[tuple[Batch, ...], Meta(description="At most four are told.")] = ()
    seen_ago_s: float = 0.0
    up_s: float | None = None
    proven: Annotated[bool, Meta(description="Whether it has spoken a real utterance since it started.")] = False
    transcriber: str | None = None
    synthesizer: str | None = None


class FieldError(msgspec.Struct, frozen=True):
    """Why figures of a GPU are missing."""

    field: Annotated[str, Meta(description="Those missing for this reason, separated by `, `.")] = ""
    reason: str = ""


class Gpu(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A GPU or a MIG instance of one; each figure may be missing on its own."""

    host: str = ""
    index: int | None = None
    uuid: str | None = None
    name: str | None = None
    instance: Annotated[
        str | None,
        Meta(description="Of a MIG instance: GPU instance and compute instance, as `1/0`; null for a whole GPU."),
    ] = None
    mig: Annotated[str | None, Meta(description="Profile of the MIG instance, as `3g.20gb`, where it is known.")] = None
    memory_used_bytes: int | None = None
    memory_total_bytes: int | None = None
    utilisation: Annotated[float | None, Meta(description="0 to 1.")] = None
    temperature_c: float | None = None
    power_w: float | None = None
    power_limit_w: float | None = None
    ecc_errors: Annotated[int | None, Meta(description="Uncorrected, since the driver was loaded.")] = None
    age_s: Annotated[float | None, Meta(description="Since it was read.")] = None
    lost: Annotated[str | None, Meta(description="Why the whole device cannot be read, else null.")] = None
    errors: tuple[FieldError, ...] = ()


class GpuHost(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A host that tells of no GPU at the moment, or of fewer than before, and why."""

    host: str = ""
    state: GpuHostState = "none"
    devices: Annotated[
        int, Meta(description="Devices and MIG instances that it told last, 0: never one; of `fewer`, those missing.")
    ] = 0
    reason: str = ""
    age_s: Annotated[float | None, Meta(description="Since its last reading.")] = None


class StageLatency(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How long items of a stage took in the last `WINDOW_S`; of `total`: languages, from acceptance to their end."""

    stage: str = ""
    worked: Annotated[Spread, Meta(description="In a worker's hands.")] = Spread()
    waited: Annotated[Spread, Meta(description="From when it could be taken until it was.")] = Spread()
    trend: Annotated[
        tuple[float | None, ...], Meta(description="p95 of `worked` per half minute, the oldest first; null: nothing.")
    ] = ()


class CacheLevel(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Looks into one kind of kept things in the last `WINDOW_S`."""

    level: Annotated[str, Meta(description="`l1`, `l2` or `l3`.")] = ""
    kind: str = ""
    hits: int = 0
    misses: int = 0
    trend: Annotated[
        tuple[float | None, ...], Meta(description="Share of hits per half minute, the oldest first; null: no look.")
    ] = ()


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that happened."""

    id: str = ""
    at_s: float = 0.0
    ago_s: float = 0.0
    severity: Severity = "info"
    kind: Annotated[str, Meta(description="`pool`, `action` or `job`.")] = ""
    subject: Annotated[str, Meta(description="Id or name of what it happened to.")] = ""
    text: Annotated[str, Meta(description="A sentence; no transcript.")] = ""


class Housekeeping(msgspec.Struct, frozen=True, kw_only=True):
    """How the duties are done."""

    last_ago_s: float | None = None
    failed: Annotated[tuple[str, ...], Meta(description="Duties that failed the last time.")] = ()


class Webhooks(msgspec.Struct, frozen=True, kw_only=True):
    """The outbox."""

    waiting: int = 0
    oldest_due_s: float = 0.0
    failed: int = 0
    disabled_destinations: int = 0
    failing_destinations: int = 0


class Health(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How one part is."""

    part: Annotated[str, Meta(description="`database`, `redis`, `object_store` or `disk`.")] = ""
    state: Annotated[str, Meta(description="`ok`, `low`, `away` or `unused`.")] = ""
    says: str = ""


class Attention(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that somebody has to do, as `meeshy status` says it."""

    figure: str = ""
    says: str = ""
    do: str = ""


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """What a verdict is judged by, besides lanes, workers and GPUs."""

    health: tuple[Health, ...] = ()
    attention: tuple[Attention, ...] = ()
    unserved: Annotated[tuple[str, ...], Meta(description="Stages that no living worker takes.")] = ()
    spoken_since_start: Annotated[bool, Meta(description="Whether a living worker has spoken since it started.")] = True
    housekeeping: Housekeeping = Housekeeping()
    webhooks: Webhooks = Webhooks()
    dead: Annotated[int, Meta(description="Dead letters in all.")] = 0


class Admission(msgspec.Struct, frozen=True, kw_only=True):
    """What became of jobs of one priority that would have been work; kept answers are given whatever is refused."""

    priority: int = 0
    admitted: int = 0
    refused: Annotated[int, Meta(description="They would have been late, or too many wait.")] = 0


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked and answered in the last `WINDOW_S`."""

    jobs_per_minute: float | None = None
    languages_ended: int = 0
    languages_failed: int = 0
    requests: Annotated[int, Meta(description="HTTP requests of all API processes.")] = 0
    refused: Annotated[int, Meta(description="Of these, with 429 or 503.")] = 0
    errors: Annotated[int, Meta(description="Of these, with another 5xx.")] = 0
    admission: Annotated[tuple[Admission, ...], Meta(description="Of priorities of which jobs were refused.")] = ()


class JobCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Jobs: open now, and ended within the last hour."""

    open: int = 0
    done: int = 0
    partial: int = 0
    failed: int = 0
    cancelled: int = 0


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the first five screens show, of one moment. The same for every reader."""

    schema: str = SCHEMA
    sequence: Annotated[int, Meta(description="Grows with time, over all API processes.")] = 0
    server_time_s: float = 0.0
    interval_s: float = INTERVAL_S
    window_s: float = WINDOW_S
    version: Annotated[str, Meta(description="Of the appliance.")] = ""
    site: Annotated[str, Meta(description="Host name of the API process that answers.")] = ""
    up_s: Annotated[float | None, Meta(description="Of that process.")] = None
    lanes: tuple[Lane, ...] = ()
    workers: tuple[Worker, ...] = ()
    workers_left_out: Annotated[int, Meta(description="More than are told here; silent ones come first.")] = 0
    gpus: tuple[Gpu, ...] = ()
    gpus_left_out: Annotated[int, Meta(description="More than are told here; lost and erring ones come first.")] = 0
    gpu_hosts: Annotated[tuple[GpuHost, ...], Meta(description="Hosts that tell of none, or fewer than before.")] = ()
    gpu_hosts_left_out: Annotated[int, Meta(description="More than are told here; those without any come last.")] = 0
    latency: tuple[StageLatency, ...] = ()
    caches: tuple[CacheLevel, ...] = ()
    quality: Quality = Quality()
    rates: Rates = Rates()
    jobs: JobCounts = JobCounts()
    events: Annotated[tuple[Event, ...], Meta(description="The newest first, at most 30.")] = ()
    findings: Findings = Findings()
