"""What operators look at: the whole appliance, all applications together, and never a text."""

from typing import Annotated, Literal

import sqlalchemy as sa
from litestar import Request, Response, get
from litestar.params import PathParameter, QueryParameter

from appliance import errors
from appliance.access.caller import Caller
from appliance.admin.audit_page import load_audit
from appliance.admin.dead_letters import Filter, load_dead_letters
from appliance.admin.job_detail import load_job_detail
from appliance.admin.jobs_page import load_jobs_page
from appliance.admin.lanes import lane_key, load_lanes, load_looks
from appliance.admin.live_types import JobCounts, Snapshot
from appliance.admin.page_types import (
    AuditPage,
    DeadLettersPage,
    History,
    JobDetail,
    JobsPage,
    Me,
    MetricsReport,
    Queue,
)
from appliance.admin.quality import load_quality
from appliance.admin.quality_types import Quality
from appliance.admin.series import load_history, load_trends
from appliance.api.history import Cursor
from appliance.api.operators import add_up, count, look_up, me, read_page
from appliance.api.parts import Parts
from appliance.api.problems import KEYED, problems
from appliance.history.steps import DAY_S, HOUR_S
from appliance.status.figures import ended_and_open_jobs

MONTHS_24_S = 731 * DAY_S
SERIES_MAX, PAIRS_MAX = 40, 100
WATCHED = (*KEYED, errors.Forbidden, errors.RateLimited)
BUSY = (*WATCHED, errors.Overloaded)
NO_STORE = {"Cache-Control": "no-store"}

LaneName = Annotated[
    str, PathParameter(description="Stage and priority: `hear.p0`.", max_length=32, pattern=r"^[a-z]+\.p[0-9]$")
]
SomeJob = Annotated[str, PathParameter(description="Any job's id.", max_length=64, pattern=r"^[\x21-\x7e]+$")]
Limit = Annotated[int, QueryParameter(ge=1, le=100, description="Entries per page.")]
Before = Annotated[
    int | None,
    QueryParameter(name="cursor", required=False, ge=1, le=2**62, description="`next_cursor` of the page before."),
]
OpenState = Annotated[
    Literal["waiting", "running"] | None,
    QueryParameter(name="state", required=False, description="Only items in this state."),
]
Counted = Annotated[
    bool,
    QueryParameter(
        name="total",
        required=False,
        description="False: `total` is null; to count, every open item is read.",
    ),
]
OfStage = Annotated[
    Literal["hear", "translate", "synthesize", "finish"] | None,
    QueryParameter(name="stage", required=False, description="Only those that failed in this stage."),
]
OfPriority = Annotated[
    int | None, QueryParameter(name="priority", required=False, ge=0, le=2, description="Only of this priority.")
]
OfError = Annotated[
    str | None,
    QueryParameter(
        name="error", required=False, max_length=64, pattern=r"^[a-z_]+$", description="Only with this error code."
    ),
]
OfAction = Annotated[
    str | None,
    QueryParameter(
        name="action",
        required=False,
        max_length=48,
        pattern=r"^[a-z_.]+$",
        description="Only actions whose name begins so: `console.` are those of operators.",
    ),
]
Window = Annotated[
    float,
    QueryParameter(name="window_s", required=False, ge=60, le=MONTHS_24_S, description="How far back, in seconds."),
]
SeriesNames = Annotated[
    str,
    QueryParameter(
        name="series",
        required=False,
        max_length=2000,
        pattern=r"^[A-Za-z0-9_.,>-]*$",
        description="Names separated by commas, at most 40; left out, only the names that there are.",
    ),
]


@get(
    "/api/v1/admin/me",
    operation_id="getMe",
    summary="Who this key is",
    tags=["operators"],
    response_description="The application that the key was made for, and its role.",
    responses=problems(*WATCHED),
)
async def get_me(request: Request[Caller, None, object], parts: Parts) -> Me:
    """Return whose key this is and what it may do; it needs the role `viewer`, as all reading here does."""
    return await look_up(request, parts, lambda connection, now_s: me(connection, request.user))


@get(
    "/api/v1/admin/snapshot",
    operation_id="getSnapshot",
    summary="Everything at a glance",
    tags=["operators"],
    response_description="One moment of the whole appliance, below 20 kB; at most 2 s old.",
    responses=problems(*WATCHED),
)
async def get_snapshot(request: Request[Caller, None, object], parts: Parts) -> Response[Snapshot]:
    """Return lanes, workers, GPUs, latency, caches, quality and events; the same for everybody who asks."""
    request.user.require("viewer")
    await parts.threads.operate(count, parts, request.user)
    _, encoded = await parts.latest.snapshot()
    return Response(encoded, media_type="application/json", headers=NO_STORE)  # type: ignore[arg-type]


@get(
    "/api/v1/admin/queue",
    operation_id="getQueue",
    summary="The lanes",
    tags=["operators"],
    response_description="Every lane, idle ones too.",
    responses=problems(*BUSY),
)
async def get_queue(request: Request[Caller, None, object], parts: Parts) -> Queue:
    """Return depth, waits, SLA and pauses per lane: a stage and a priority."""

    def load(connection: sa.Connection, now_s: float) -> Queue:
        return Queue(
            server_time_s=now_s,
            lanes=load_lanes(connection, parts.settings, now_s, load_looks(connection, now_s)),
            jobs=JobCounts(**ended_and_open_jobs(connection, now_s)),
        )

    return await read_page(request, parts, load)


@get(
    "/api/v1/admin/metrics",
    operation_id="getAdminMetrics",
    summary="Figures with their trends",
    tags=["operators"],
    response_description="The site's figures of a window beside those of the window before.",
    responses=problems(*BUSY),
)
async def get_admin_metrics(
    request: Request[Caller, None, object], parts: Parts, window_s: Window = HOUR_S
) -> MetricsReport:
    """Return requests, latency, caches, quality and errors; for Prometheus there is `/metrics`."""
    return await add_up(request, parts, lambda connection, now_s: load_trends(connection, now_s, window_s))


@get(
    "/api/v1/admin/history",
    operation_id="getFigures",
    summary="Figures over time",
    tags=["operators"],
    response_description="Series in steps of 10 s (an hour), 15 min (30 days) or a day (24 months).",
    responses=problems(*BUSY),
)
async def get_figures(
    request: Request[Caller, None, object], parts: Parts, series: SeriesNames = "", window_s: Window = HOUR_S
) -> History:
    """Return series over a window that ends now, each with what it was in the window before, and scaling events."""

    def load(connection: sa.Connection, now_s: float) -> History:
        names = list(dict.fromkeys(filter(None, series.split(","))))
        if len(names) > SERIES_MAX:
            raise errors.InvalidRequest(f"At most {SERIES_MAX} series at once.")
        return load_history(connection, now_s, window_s, names)

    return await add_up(request, parts, load)


@get(
    "/api/v1/admin/quality",
    operation_id="getQuality",
    summary="Quality per pair, voice and cache",
    tags=["operators"],
    response_description="What receipts of a window say, beside the window before.",
    responses=problems(*BUSY),
)
async def get_quality(request: Request[Caller, None, object], parts: Parts, window_s: Window = DAY_S) -> Quality:
    """Return word error rate, similarity and reviews per pair and voice, and what caches saved."""

    def load(connection: sa.Connection, now_s: float) -> Quality:
        return load_quality(connection, now_s, window_s, PAIRS_MAX, with_caches=True)

    return await add_up(request, parts, load)


@get(
    "/api/v1/admin/lanes/{lane:str}/jobs",
    operation_id="getLaneJobs",
    summary="The work of a lane",
    tags=["operators"],
    response_description="A page of open work items with their jobs, the earliest deadline first.",
    responses=problems(*BUSY, errors.NotFound),
)
async def get_lane_jobs(
    request: Request[Caller, None, object],
    parts: Parts,
    lane: LaneName,
    item_state: OpenState = None,
    limit: Limit = 100,
    cursor: Cursor = None,
    counted: Counted = True,
) -> JobsPage:
    """Return what waits and runs in a lane; lengths and languages, no text."""

    def load(connection: sa.Connection, now_s: float) -> JobsPage:
        return load_jobs_page(connection, now_s, lane_key(lane), item_state, limit, cursor, counted=counted)

    return await read_page(request, parts, load)


@get(
    "/api/v1/admin/jobs/{job:str}",
    operation_id="getAdminJob",
    summary="Any job, without its texts",
    tags=["operators"],
    response_description="Lengths, languages, figures and steps.",
    responses=problems(*WATCHED, errors.NotFound),
)
async def get_admin_job(request: Request[Caller, None, object], parts: Parts, job: SomeJob) -> JobDetail:
    """Return how a job of any owner stands; neither text nor audio can be had here."""
    return await look_up(request, parts, lambda connection, now_s: load_job_detail(connection, now_s, job))


@get(
    "/api/v1/admin/dead-letters",
    operation_id="getDeadLetters",
    summary="What failed and can be retried",
    tags=["operators"],
    response_description="A page of dead letters, the newest first, and how many there are.",
    responses=problems(*BUSY),
)
async def get_dead_letters(
    request: Request[Caller, None, object],
    parts: Parts,
    stage: OfStage = None,
    priority: OfPriority = None,
    error: OfError = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> DeadLettersPage:
    """Return jobs with a language that failed for a reason of the appliance's, while their recordings are kept."""
    which = Filter(stage=stage, priority=priority, error=error)

    def load(connection: sa.Connection, now_s: float) -> DeadLettersPage:
        return load_dead_letters(connection, now_s, which, limit, cursor)

    return await read_page(request, parts, load)


@get(
    "/api/v1/admin/audit",
    operation_id="getAudit",
    summary="Who did what",
    tags=["operators"],
    response_description="A page of the audit, the newest first.",
    responses=problems(*BUSY),
)
async def get_audit(
    request: Request[Caller, None, object],
    parts: Parts,
    action: OfAction = None,
    limit: Limit = 100,
    before: Before = None,
) -> AuditPage:
    """Return actions with actor, subject, result and reason; it names users, so it needs the role `operator`."""

    def load(connection: sa.Connection, now_s: float) -> AuditPage:
        return load_audit(connection, now_s, limit, before, action)

    return await read_page(request, parts, load, "operator")
