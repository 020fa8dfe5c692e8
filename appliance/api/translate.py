"""The main job: a recording comes in, a job or its finished answer goes out."""

from typing import Annotated

from litestar import Request, Response, post
from litestar.datastructures import ResponseHeader
from litestar.openapi import ResponseSpec
from litestar.params import HeaderParameter

from appliance import errors
from appliance.access.caller import Caller
from appliance.access.plan import Plan
from appliance.access.rates import count_translation
from appliance.api.answers import job_url
from appliance.api.bodies import Shape
from appliance.api.identify import named_in_header
from appliance.api.intake import accepted
from appliance.api.parts import ApiParts, Parts
from appliance.api.problems import OWNED, problems
from appliance.api.standing import standing_answer
from appliance.api.upload import UPLOAD_REFUSALS, Upload, read_upload
from appliance.api.waiting import finished_within
from appliance.api.wire import Answer
from appliance.errors import MeeshyError
from appliance.jobs.documents import Failure, JobDocument
from appliance.jobs.states import FINAL_JOB, JobState
from appliance.jobs.submit import Submission
from appliance.webhooks.destination import allowed_destination

POLL_AFTER_S = 1

IdempotencyKey = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        min_length=1,
        max_length=128,
        pattern=r"^[\x20-\x7e]+$",
        required=False,
        description="Repeating a request with the same key gives the same job; another request with it is refused.",
    ),
]
UserHeader = Annotated[
    str | None,
    HeaderParameter(name="X-Meeshy-User", required=False, description="The user, where the body does not name one."),
]

_REFUSALS = (
    *OWNED,
    errors.IdempotencyConflict,
    *UPLOAD_REFUSALS,
    errors.UnknownLanguage,
    errors.NoRoute,
    errors.LanguageNotInPlan,
    errors.VoiceNotInPlan,
    errors.VoiceProfileUnusable,
    errors.QuotaExceeded,
    errors.ModelMissing,
    errors.NotReady,
    errors.Overloaded,
)
_ACCEPTED = {
    202: ResponseSpec(Answer, description="The job, which goes on; ask for it at Location.", generate_examples=False)
}
_LOCATION = [
    ResponseHeader(name="Location", description="Where the job is found.", documentation_only=True, value=""),
]


@post(
    "/api/v1/voice/translate",
    operation_id="translate",
    summary="Translate a voice message",
    status_code=200,
    tags=["voice"],
    response_description="The finished job.",
    response_headers=_LOCATION,
    responses=_ACCEPTED | problems(*_REFUSALS, errors.TextUnspeakable),
)
async def translate(
    request: Request[Caller, None, object],
    parts: Parts,
    idempotency_key: IdempotencyKey = None,
    user_header: UserHeader = None,
) -> Response[Answer]:
    """Send a recording and wait for its translations.

    Answers 200 with the finished job, or, when it takes longer than the plan promises or the site waits, 202 with the
    job as it is; it then goes on. A job that failed because of what was sent answers that error's own status.
    """
    plan = await parts.threads.short(_gate, parts, request.user, idempotency_key)
    with parts.room.held() as held:
        upload = await read_upload(request, Shape.sync(), held, parts.threads)
        submission = _submission(request.user, upload, user_header, idempotency_key, None)
        job = await accepted(parts, plan, submission, upload.audio)
        del upload
    job = await finished_within(parts, submission.owner, job, _wait_s(parts, job))
    if failure := failure_of_caller(job):
        raise failure
    return await _answered(parts, job, 200 if job.state in FINAL_JOB else 202)


@post(
    "/api/v1/voice/translate/async",
    operation_id="translateAsync",
    summary="Translate a voice message without waiting",
    status_code=202,
    tags=["voice"],
    response_description="The job; ask for it at Location.",
    response_headers=_LOCATION,
    responses=problems(*_REFUSALS, errors.DestinationRefused, errors.DestinationDisabled),
)
async def translate_async(
    request: Request[Caller, None, object],
    parts: Parts,
    idempotency_key: IdempotencyKey = None,
    user_header: UserHeader = None,
) -> Response[Answer]:
    """Send a recording; the answer is the job at once, its end can be announced by a signed webhook."""
    plan = await parts.threads.short(_gate, parts, request.user, idempotency_key)
    with parts.room.held() as held:
        upload = await read_upload(request, Shape.announced(), held, parts.threads)
        webhook_url = getattr(upload.wishes, "webhook_url", None)
        if webhook_url is not None:
            allowed_destination(webhook_url, parts.settings)
        submission = _submission(request.user, upload, user_header, idempotency_key, webhook_url)
        job = await accepted(parts, plan, submission, upload.audio)
    return await _answered(parts, job, 202)


def failure_of_caller(job: JobDocument) -> MeeshyError | None:
    """Return the error of a job that failed as a whole for one reason that its sender caused, else None."""
    if job.state is not JobState.FAILED:
        return None
    failures: set[Failure | None] = {job.error} if job.error else {target.error for target in job.targets}
    codes = {failure.code for failure in failures if failure}
    kind = next((error for error in errors.every_error() if {error.code} == codes), None)
    if kind is None or not 400 <= kind.status < 500 or None in failures:
        return None
    detail = next(failure.detail for failure in failures if failure)
    return kind(detail, job_id=job.id)


def _submission(
    caller: Caller, upload: Upload, user_header: str | None, idempotency_key: str | None, webhook_url: str | None
) -> Submission:
    return Submission(
        owner=caller.owner(upload.wishes.user_id, named_in_header(user_header)),
        request=upload.wishes.request(webhook_url),
        audio_sha256=upload.sha256,
        idempotency_key=idempotency_key,
    )


def _gate(parts: ApiParts, caller: Caller, idempotency_key: str | None) -> Plan:
    """Refuse on the headers what no recording could change, so that its body is not read; return the plan."""
    caller.require("app")
    application_id, refusal = caller.application_id, None
    with parts.database.read() as connection:
        now_s = parts.database.now_s(connection)
        plan = parts.quotas.gate(connection, application_id, idempotency_key, now_s)
        try:
            admission = parts.submitter.admission
            admission.require_room(connection, application_id, idempotency_key, now_s, plan.priority)
        except MeeshyError as full:
            # Counted as well: whoever does not wait is told so in the end.
            refusal = full
    if plan.requests_per_minute is not None:
        refusal = parts.database.together(lambda rows: count_translation(rows, plan, application_id, now_s)) or refusal
    if refusal is None:
        return plan
    try:
        raise refusal
    finally:
        # The refusal's traceback holds this frame: with the name, neither would go before a garbage collection.
        del refusal


def _wait_s(parts: ApiParts, job: JobDocument) -> float:
    """Return how long a request waits for its job: what the job's plan promises, at most the site's limit.

    Not at all for one that an operator's pause halts: nobody knows when it goes on.
    """
    if parts.submitter.admission.halts(job.priority):
        return 0.0
    return min(parts.settings.sla_s, job.deadline_s - job.accepted_s)


async def _answered(parts: ApiParts, job: JobDocument, status_code: int) -> Response[Answer]:
    headers = {"Location": job_url(job.id)}
    if job.state not in FINAL_JOB:
        headers["Retry-After"] = str(POLL_AFTER_S)
    return Response(await standing_answer(parts, job), status_code=status_code, headers=headers)
