"""A job's answer, with its place in the queue while it is open."""

from appliance.api.answers import answer
from appliance.api.parts import ApiParts
from appliance.api.wire import Answer
from appliance.jobs.documents import JobDocument
from appliance.jobs.states import FINAL_JOB


async def standing_answer(parts: ApiParts, job: JobDocument) -> Answer:
    """Return the job as its owner sees it; while it is open, with `queue_position` and `eta_s` as of now."""
    if job.state in FINAL_JOB:
        return answer(job)
    return answer(job, await parts.threads.short(parts.submitter.admission.standing, job))
