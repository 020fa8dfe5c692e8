"""A job by its id: look at it, follow it, end or delete it."""

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated

import msgspec
from litestar import Response, delete, get
from litestar.openapi import ResponseSpec
from litestar.params import PathParameter
from litestar.response import ServerSentEvent, ServerSentEventMessage, Stream

from appliance import errors
from appliance.api.answers import answer
from appliance.api.parts import ApiParts, Of, Parts
from appliance.api.problems import OWNED, problems
from appliance.api.standing import standing_answer
from appliance.api.waiting import changes, ended
from appliance.api.wire import Answer
from appliance.cache.purges import forget_purged
from appliance.jobs.cancel import cancel_job, delete_job
from appliance.jobs.documents import JobDocument
from appliance.jobs.states import FINAL_JOB
from appliance.owner import Owner
from appliance.storage.audit import record

KEEP_ALIVE_S = 10.0
FOLLOW_LIMIT_S = 900.0
"""A stream ends after this long; browsers' EventSource then connects again by itself."""

# PostgreSQL cannot store NUL and raises where it is asked for one.
JobId = Annotated[
    str, PathParameter(description="As `job_id` in the answer.", max_length=64, pattern=r"^[\x21-\x7e]+$")
]


class TargetProgress(msgspec.Struct, frozen=True):
    """Where one language stands."""

    language: str
    state: str


class Progress(msgspec.Struct, frozen=True):
    """Where a job stands, as an event of its stream."""

    job_id: str
    state: str
    targets: list[TargetProgress]


@get(
    "/api/v1/voice/job/{job_id:str}",
    operation_id="getJob",
    summary="Look at a job",
    tags=["jobs"],
    response_description="The job as it is now.",
    responses=problems(*OWNED, errors.NotFound),
    cache_control=None,
)
async def get_job(job_id: JobId, parts: Parts, owner: Of) -> Answer:
    """Return the job with what is known so far."""
    return await standing_answer(parts, await parts.threads.short(parts.reader.get, owner, job_id))


@delete(
    "/api/v1/voice/job/{job_id:str}",
    operation_id="endJob",
    summary="Cancel or delete a job",
    tags=["jobs"],
    status_code=200,
    response_description="The job was running and is cancelled; languages already finished keep their audio.",
    responses={204: ResponseSpec(None, description="The job had ended and is deleted with all that came from it.")}
    | problems(*OWNED, errors.NotFound, errors.AlreadyFinished),
)
async def end_job(job_id: JobId, parts: Parts, owner: Of) -> Response[Answer | None]:
    """Cancel a running job; delete a finished one, with its audio and the answers kept from it."""
    job = await parts.threads.short(_end, parts, owner, job_id)
    return Response(answer(job), status_code=200) if job else Response(None, status_code=204)


@get(
    "/api/v1/voice/job/{job_id:str}/events",
    operation_id="followJob",
    summary="Follow a job",
    tags=["jobs"],
    media_type="text/event-stream",
    response_description=(
        "Server-sent events: `progress` when a state changes, one `end` with the whole answer, then it ends."
    ),
    responses=problems(*OWNED, errors.NotFound),
)
async def follow_job(job_id: JobId, parts: Parts, owner: Of) -> Stream:
    """Stream the job's progress until it has ended; comments keep the connection alive."""
    job = await parts.threads.short(parts.reader.get, owner, job_id)
    return ServerSentEvent(_events(parts, owner, job))


def _end(parts: ApiParts, owner: Owner, job_id: str) -> JobDocument | None:
    job = parts.reader.get(owner, job_id)
    if job.state not in FINAL_JOB:
        return cancel_job(parts.database, owner, job_id)
    delete_job(parts.database, parts.objects, owner, job_id)
    with parts.database.write() as connection:
        record(connection, owner, "job_deleted", job_id, parts.database.now_s(connection))
    if parts.cache is not None and parts.cache.beside:
        # Where it is away, housekeeping asks again.
        with suppress(errors.StorageUnavailable):
            forget_purged(parts.database, parts.cache)
    return None


async def _events(parts: ApiParts, owner: Owner, job: JobDocument) -> AsyncIterator[ServerSentEventMessage]:
    shown, spoke_s = "", parts.clock.monotonic_s()
    until_s = spoke_s + FOLLOW_LIMIT_S
    async for version in changes(parts, job.id):
        now_s = parts.clock.monotonic_s()
        if version != shown:
            shown, spoke_s = version, now_s
            try:
                job = await parts.threads.short(parts.reader.get, owner, job.id)
            except errors.NotFound:
                return
            yield ServerSentEventMessage(data=msgspec.json.encode(_progress(job)), event="progress")
        elif now_s - spoke_s >= KEEP_ALIVE_S:
            spoke_s = now_s
            yield ServerSentEventMessage(data=None, comment="still here")
        if ended(version):
            yield ServerSentEventMessage(data=msgspec.json.encode(answer(job)), event="end")
            return
        if now_s >= until_s:
            return


def _progress(job: JobDocument) -> Progress:
    return Progress(job.id, job.state, [TargetProgress(target.language, target.state) for target in job.targets])
