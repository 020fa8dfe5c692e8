"""What operators do: each with a key of idempotency, a reason, and the state that they believe it to be in."""

from collections.abc import Callable
from typing import Annotated, TypeVar

import msgspec
from litestar import Request, post
from litestar.params import HeaderParameter, PathParameter

from appliance import errors
from appliance.access.caller import Caller
from appliance.admin import controls
from appliance.admin.action_types import (
    ActionAnswer,
    CancelRequest,
    DrainRequest,
    PauseRequest,
    ResumeRequest,
    RetryManyRequest,
    RetryRequest,
    UndrainRequest,
)
from appliance.admin.actions import Ask, Do, note_trespass, perform
from appliance.admin.bulk_retry import retry_many
from appliance.admin.retries import retry
from appliance.api.admin_reads import WATCHED, LaneName, SomeJob
from appliance.api.operators import actor, count, owner_of
from appliance.api.parts import ApiParts, Parts
from appliance.api.problems import problems
from appliance.api.upload import read_json

_T = TypeVar("_T", bound=msgspec.Struct)
BODY_BYTES_MAX = 8192
EVERY = "dead-letters"
"""The subject of a retry of many."""

Once = Annotated[
    str,
    HeaderParameter(
        name="Idempotency-Key",
        min_length=1,
        max_length=128,
        pattern=r"^[\x20-\x7e]+$",
        description="The same key does the same action once, for a day.",
    ),
]
WorkerId = Annotated[str, PathParameter(description="As in a snapshot.", max_length=64, pattern=r"^[\x21-\x7e]+$")]
ACTED = (
    *WATCHED, errors.NotFound, errors.StateConflict, errors.IdempotencyConflict, errors.ContentTypeRefused,
    errors.UploadTooLarge, errors.Overloaded,
)  # fmt: skip
RETRIED = (
    *ACTED, errors.QuotaExceeded, errors.NoRoute, errors.UnknownLanguage, errors.LanguageNotInPlan,
    errors.VoiceNotInPlan, errors.VoiceProfileUnusable, errors.ModelMissing, errors.NotReady,
)  # fmt: skip


@post(
    "/api/v1/admin/lanes/{lane:str}/pause",
    operation_id="pauseLane",
    summary="Pause a lane",
    tags=["operators"],
    status_code=202,
    request_max_body_size=BODY_BYTES_MAX,
    response_description="Workers take no more of it, within seconds; what runs is finished.",
    responses=problems(*ACTED),
)
async def pause_lane(
    request: Request[Caller, None, object], parts: Parts, lane: LaneName, idempotency_key: Once
) -> ActionAnswer:
    """Let no worker take work of a lane; it needs the role `operator`, as all acting here does."""
    return await _act(request, parts, "pause", lane, PauseRequest, idempotency_key, controls.pause)


@post(
    "/api/v1/admin/lanes/{lane:str}/resume",
    operation_id="resumeLane",
    summary="Resume a lane",
    tags=["operators"],
    status_code=202,
    request_max_body_size=BODY_BYTES_MAX,
    response_description="Workers take work of it again.",
    responses=problems(*ACTED),
)
async def resume_lane(
    request: Request[Caller, None, object], parts: Parts, lane: LaneName, idempotency_key: Once
) -> ActionAnswer:
    """Let workers take work of a lane again."""
    return await _act(request, parts, "resume", lane, ResumeRequest, idempotency_key, controls.resume, ring=True)


@post(
    "/api/v1/admin/jobs/{job:str}/cancel",
    operation_id="cancelJob",
    summary="Cancel any job",
    tags=["operators"],
    status_code=202,
    request_max_body_size=BODY_BYTES_MAX,
    response_description="It is cancelled; languages that were finished keep their audio.",
    responses=problems(*ACTED),
)
async def cancel_job(
    request: Request[Caller, None, object], parts: Parts, job: SomeJob, idempotency_key: Once
) -> ActionAnswer:
    """Cancel a job that has not ended, whoever owns it."""
    return await _act(request, parts, "cancel", job, CancelRequest, idempotency_key, controls.cancel)


@post(
    "/api/v1/admin/workers/{worker:str}/drain",
    operation_id="drainWorker",
    summary="Drain a worker",
    tags=["operators"],
    status_code=202,
    request_max_body_size=BODY_BYTES_MAX,
    response_description="It takes nothing more, and finishes what it has.",
    responses=problems(*ACTED),
)
async def drain_worker(
    request: Request[Caller, None, object], parts: Parts, worker: WorkerId, idempotency_key: Once
) -> ActionAnswer:
    """Let a worker take nothing more until it is undrained or started anew."""
    return await _act(request, parts, "drain", worker, DrainRequest, idempotency_key, controls.drain)


@post(
    "/api/v1/admin/workers/{worker:str}/undrain",
    operation_id="undrainWorker",
    summary="Undrain a worker",
    tags=["operators"],
    status_code=202,
    request_max_body_size=BODY_BYTES_MAX,
    response_description="It takes work again.",
    responses=problems(*ACTED),
)
async def undrain_worker(
    request: Request[Caller, None, object], parts: Parts, worker: WorkerId, idempotency_key: Once
) -> ActionAnswer:
    """Let a worker take work again."""
    return await _act(request, parts, "undrain", worker, UndrainRequest, idempotency_key, controls.undrain, ring=True)


@post(
    "/api/v1/admin/dead-letters/{job:str}/retry",
    operation_id="retryDeadLetter",
    summary="Retry a dead letter",
    tags=["operators"],
    status_code=202,
    request_max_body_size=BODY_BYTES_MAX,
    response_description="What failed goes on as another job of the same owner.",
    responses=problems(*RETRIED),
)
async def retry_dead_letter(
    request: Request[Caller, None, object], parts: Parts, job: SomeJob, idempotency_key: Once
) -> ActionAnswer:
    """Make another job of the languages that failed; plan and admission decide as for any job."""
    ask = await _ask(request, parts, "retry", job, RetryRequest, idempotency_key)
    return await parts.threads.retry(retry, parts.database, parts.submitter, ask)


@post(
    "/api/v1/admin/dead-letters/retry",
    operation_id="retryDeadLetters",
    summary="Retry many dead letters",
    tags=["operators"],
    status_code=202,
    request_max_body_size=BODY_BYTES_MAX,
    response_description="How many were retried, and which were refused why.",
    responses=problems(*RETRIED),
)
async def retry_dead_letters(
    request: Request[Caller, None, object], parts: Parts, idempotency_key: Once
) -> ActionAnswer:
    """Retry dead letters that a filter takes, 500 at most, if there are exactly as many as expected."""
    ask = await _ask(request, parts, "retry_many", EVERY, RetryManyRequest, idempotency_key)
    body = msgspec.convert(ask.body, RetryManyRequest, from_attributes=True)
    return await parts.threads.retry(retry_many, parts.database, parts.submitter, ask, body)


async def _ask(
    request: Request[Caller, None, object], parts: ApiParts, action: str, subject: str, kind: type[_T], key: str
) -> Ask:
    body = await _body(request, parts, action, subject, kind)
    return await parts.threads.operate(_asked, parts, request.user, action, subject, body, key)


async def _act(
    request: Request[Caller, None, object],
    parts: ApiParts,
    action: str,
    subject: str,
    kind: type[_T],
    key: str,
    how: Callable[[Ask], Do],
    *,
    ring: bool = False,
) -> ActionAnswer:
    body = await _body(request, parts, action, subject, kind)

    def act() -> ActionAnswer:
        ask = _asked(parts, request.user, action, subject, body, key)
        return perform(parts.database, ask, how(ask))

    # All of it at one go: whoever acts against an overload shall not queue up three times.
    answer = await parts.threads.operate(act)
    if ring:
        parts.submitter.ring()
    return answer


async def _body(
    request: Request[Caller, None, object], parts: ApiParts, action: str, subject: str, kind: type[_T]
) -> _T:
    """Return the body; Forbidden, which the audit has, for who may not act, before anything of it is read."""
    try:
        request.user.require("operator")
    except errors.Forbidden:
        await parts.threads.operate(_turn_away, parts, request.user, action, subject)
        raise
    with parts.room.held() as held:
        return await read_json(request, kind, held)


def _asked(parts: ApiParts, caller: Caller, action: str, subject: str, body: msgspec.Struct, key: str) -> Ask:
    """Return what is asked for, counted as a request."""
    count(parts, caller)
    with parts.database.read() as connection:
        who = actor(connection, caller)
    return Ask(actor=who, action=action, subject=subject, body=body, idempotency_key=key)


def _turn_away(parts: ApiParts, caller: Caller, action: str, subject: str) -> None:
    """Write down who tried to act, counted as a request: the limit bounds what anybody can fill the audit with."""
    count(parts, caller)
    note_trespass(parts.database, owner_of(caller), action, subject)
