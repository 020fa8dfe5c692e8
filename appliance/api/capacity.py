"""What the appliance could still take at this moment, and how it knows."""

from typing import Annotated, Literal

import msgspec
from litestar import Request, get
from msgspec import Meta

from appliance.access.caller import Caller
from appliance.access.rates import EVERYBODY, count_request
from appliance.api.parts import ApiParts, Parts
from appliance.api.problems import OWNED, problems
from appliance.jobs.events import recent_eta_errors_s
from appliance.owner import Owner
from appliance.status.openings import Opening, openings


class PriorityOut(msgspec.Struct, frozen=True, kw_only=True):
    """What would happen to a note of 5 s of that priority, and what waits with it."""

    priority: int
    sla_s: Annotated[float, Meta(description="The strictest of the plans with that priority, in seconds, unscaled.")]
    accepts: Annotated[bool, Meta(description="Whether such a note into one language would be accepted now.")]
    eta_s: Annotated[float | None, Meta(description="In how many seconds it would be done; null: nothing is known.")]
    retry_after_s: Annotated[float | None, Meta(description="Where it would be refused: when to ask again.")]
    waiting_jobs: int
    waiting_audio_s: Annotated[float, Meta(description="Seconds of the recordings of these jobs.")]


class EtaErrorOut(msgspec.Struct, frozen=True, kw_only=True):
    """How wrong the ETAs given at acceptance were."""

    jobs: Annotated[int, Meta(description="Jobs of the last hour that it was measured on, at most 1000.")]
    median_s: Annotated[float | None, Meta(description="Positive: they were done later than expected.")]


class CapacityOut(msgspec.Struct, frozen=True, kw_only=True):
    """What could be taken now."""

    priorities: list[PriorityOut]
    slots: Annotated[dict[str, int], Meta(description="Slots of living workers that take each kind of work.")]
    figures: Annotated[
        Literal["commissioned", "observed", "none"],
        Meta(description="Where the speeds come from: `meeshy commission`, finished work alone, or nowhere yet."),
    ]
    sla_scale: float
    most_waiting_jobs: Annotated[int, Meta(description="Open jobs above which nothing is accepted; 0: no limit.")]
    eta_error: EtaErrorOut


@get(
    "/api/v1/capacity",
    operation_id="getCapacity",
    summary="What could be taken now",
    tags=["service"],
    response_description="Per priority: whether a note of 5 s would be accepted, and when it would be done.",
    responses=problems(*OWNED),
)
async def get_capacity(request: Request[Caller, None, object], parts: Parts) -> CapacityOut:
    """Return the state of admission; an answer here is no promise, since others ask at the same time."""
    caller = request.user
    caller.require("app")
    owner = Owner(caller.application_id, caller.user_id or EVERYBODY)
    await parts.threads.short(count_request, parts.database, owner, parts.settings.requests_per_minute)
    return await parts.threads.short(_capacity, parts)


def _capacity(parts: ApiParts) -> CapacityOut:
    with parts.database.read() as connection:
        now_s = parts.database.now_s(connection)
        outlook = parts.submitter.admission.look(connection, now_s)
        errors_s = sorted(recent_eta_errors_s(connection, now_s))
        return CapacityOut(
            priorities=[_told(each) for each in openings(connection, parts.settings, outlook, now_s)],
            slots=outlook.fleet.slots,
            figures=outlook.rates.origin,
            sla_scale=outlook.scale,
            most_waiting_jobs=parts.settings.most_waiting_jobs,
            eta_error=EtaErrorOut(
                jobs=len(errors_s), median_s=round(errors_s[(len(errors_s) - 1) // 2], 3) if errors_s else None
            ),
        )


def _told(opening: Opening) -> PriorityOut:
    return PriorityOut(
        priority=opening.priority,
        sla_s=opening.sla_s,
        accepts=opening.accepts,
        eta_s=opening.eta_s,
        retry_after_s=opening.retry_after_s,
        waiting_jobs=opening.waiting.jobs,
        waiting_audio_s=round(opening.waiting.audio_s, 3),
    )
