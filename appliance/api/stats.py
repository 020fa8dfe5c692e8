"""Figures of a user, or of an application for those who run it."""

from typing import Annotated, Literal

import msgspec
from litestar import Request, get
from litestar.params import QueryParameter

from appliance.access.caller import Caller
from appliance.access.plan import plan_of, require_analytics
from appliance.access.rates import count_request
from appliance.api.history import TIME_MAX_S
from appliance.api.identify import UserHeader, UserQuery, named_in_header
from appliance.api.learning_wire import StatsOut
from appliance.api.parts import ApiParts, Parts
from appliance.api.problems import OWNED, problems
from appliance.errors import AnalyticsNotInPlan
from appliance.learning.statistics import Statistics, Whose, statistics

Since = Annotated[
    float | None,
    QueryParameter(
        name="since_s", required=False, ge=0, le=TIME_MAX_S, description="What ended at this time or later."
    ),
]
ScopeName = Literal["user", "application"]
Scope = Annotated[
    ScopeName,
    QueryParameter(
        name="scope", required=False, description="`application` counts all its users; it needs the role `admin`."
    ),
]


@get(
    "/api/v1/voice/stats",
    operation_id="getStats",
    summary="Figures of a user or an application",
    tags=["learning"],
    response_description="Figures computed from what happened; null where there is nothing to measure.",
    responses=problems(*OWNED, AnalyticsNotInPlan),
)
async def get_stats(
    request: Request[Caller, None, object],
    parts: Parts,
    since_s: Since = None,
    scope_name: Scope = "user",
    user_header: UserHeader = None,
    user_query: UserQuery = None,
) -> StatsOut:
    """Return how many jobs there were and how they went: latency, cache hits, quality, ratings, by language pair."""
    caller = request.user
    if scope_name == "application":
        counted = caller.whole_application()
    else:
        caller.require("app")
        counted = caller.owner(named_in_header(user_header), user_query)
    await parts.threads.short(count_request, parts.database, counted, parts.settings.requests_per_minute)
    whose = Whose(
        application_id=counted.application_id,
        user_id=counted.user_id if scope_name == "user" else None,
        since_s=since_s or 0.0,
    )
    found = await parts.threads.short(_statistics, parts, whose)
    return StatsOut(scope=scope_name, since_s=since_s, **msgspec.to_builtins(found))


def _statistics(parts: ApiParts, whose: Whose) -> Statistics:
    with parts.database.read() as connection:
        require_analytics(plan_of(connection, whose.application_id))
    return statistics(parts.database, whose)
