"""Waiting for a job without blocking: the database is asked, ever less often, up to a limit."""

from collections.abc import AsyncIterator

from appliance.api.parts import ApiParts
from appliance.api.threads import sleep
from appliance.jobs.documents import JobDocument
from appliance.jobs.states import FINAL_JOB
from appliance.owner import Owner

FIRST_PAUSE_S = 0.02
PAUSE_GROWTH = 1.4
LONGEST_PAUSE_S = 0.2


async def finished_within(parts: ApiParts, owner: Owner, job: JobDocument, limit_s: float) -> JobDocument:
    """Return the job as soon as it has ended, or as it is when the time is up."""
    if job.state in FINAL_JOB:
        return job
    until_s = parts.clock.monotonic_s() + limit_s
    async for version in changes(parts, job.id):
        if ended(version) or parts.clock.monotonic_s() >= until_s:
            break
    return await parts.threads.short(parts.reader.get, owner, job.id)


async def changes(parts: ApiParts, job_id: str) -> AsyncIterator[str]:
    """Yield the job's version now and after every look, changed or not; pauses grow from 20 to 200 ms."""
    pause_s, known = FIRST_PAUSE_S, ""
    while True:
        version = await parts.threads.short(parts.reader.version, job_id)
        yield version
        if version != known:
            pause_s, known = FIRST_PAUSE_S, version
        await sleep(pause_s)
        pause_s = min(LONGEST_PAUSE_S, pause_s * PAUSE_GROWTH)


def ended(version: str) -> bool:
    """Return whether a version is that of a job that has ended or is gone."""
    state = version.split(",")[0]
    return not state or state in FINAL_JOB
