"""Health: alive says only that the process answers; ready says that the appliance has really spoken."""

from litestar import get

from appliance import __version__, errors
from appliance.api.parts import ApiParts, Parts
from appliance.api.problems import KEYED, problems
from appliance.api.wire import AliveOut, HealthOut, ReadyOut
from appliance.errors import NotReady


@get(
    "/health/live",
    operation_id="live",
    summary="Is the process alive?",
    tags=["service"],
    security=[{}],
    response_description="It is.",
    responses=problems(),
    sync_to_thread=False,
)
def live() -> AliveOut:
    """Answer without touching the database or anything else."""
    return AliveOut(status="alive")


@get(
    "/health/ready",
    operation_id="ready",
    summary="Can it do its job?",
    tags=["service"],
    security=[{}],
    response_description="It can.",
    responses=problems(errors.NotReady, errors.StorageUnavailable),
)
async def ready(parts: Parts) -> ReadyOut:
    """Answer 200 once a living worker has spoken a real utterance since it started, else 503."""
    await parts.threads.short(_health, parts)
    return ReadyOut(status="ready")


@get(
    "/api/v1/health",
    operation_id="health",
    summary="Readiness with its reasons",
    tags=["service"],
    response_description="Ready, and what that was judged by.",
    responses=problems(*KEYED, errors.NotReady),
)
async def health(parts: Parts) -> HealthOut:
    """Answer like /health/ready, with the workers and engines that were looked at."""
    return await parts.threads.short(_health, parts)


def _health(parts: ApiParts) -> HealthOut:
    """Return the facts, or raise NotReady with the first that is missing; StorageUnavailable without the database."""
    able, workers = parts.capabilities.current(), parts.capabilities.living()
    if able is None or workers == 0:
        raise NotReady("No worker is running yet.", retry_after_s=3)
    missing = parts.capabilities.unserved()
    if missing:
        raise NotReady(f"No worker is running that can {' or '.join(missing)}.", retry_after_s=3)
    if not parts.capabilities.proven():
        raise NotReady("The workers have not spoken yet since they started.", retry_after_s=3)
    return HealthOut(
        status="ready",
        version=__version__,
        workers=workers,
        spoken_since_start=True,
        transcriber=able.transcriber,
        synthesizer=able.synthesizer,
    )
