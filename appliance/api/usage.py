"""What the calling application may use, and what it has used of it."""

from typing import Annotated

import msgspec
from litestar import Request, get
from litestar.params import QueryParameter
from msgspec import Meta

from appliance.access.caller import Caller
from appliance.access.periods import MONTH_PATTERN, month_end_s, month_of
from appliance.access.plan import Plan, plan_of, require_analytics
from appliance.access.rates import EVERYBODY, count_request
from appliance.access.spent import open_jobs, stored_bytes, used
from appliance.access.usage import Used, usage_of
from appliance.api.identify import UserHeader, UserQuery, named_in_header
from appliance.api.parts import ApiParts, Parts
from appliance.api.problems import OWNED, problems
from appliance.errors import AnalyticsNotInPlan
from appliance.jobs.usage import day_of
from appliance.owner import Owner
from appliance.storage.tables import usage

Month = Annotated[
    str | None,
    QueryParameter(
        name="month",
        required=False,
        pattern=MONTH_PATTERN,
        description="Month in UTC, such as `2026-08`; left out, the current one. Others need a plan with analytics.",
    ),
]


class HeldNow(msgspec.Struct, frozen=True, kw_only=True):
    """What is in use at this moment."""

    concurrent_jobs: int
    audio_s_today: Annotated[float, Meta(description="Seconds of recordings computed since midnight UTC.")]
    stored_bytes: int


class UsageOut(msgspec.Struct, frozen=True, kw_only=True):
    """The plan with its limits, and what was used of it."""

    month: str
    user_id: Annotated[str | None, Meta(description="Whose usage this is; null: the whole application's.")]
    plan: Annotated[Plan, Meta(description="null in a limit: there is none.")]
    used: Annotated[Used, Meta(description="In that month.")]
    now: HeldNow
    renews_s: Annotated[float, Meta(description="When the current month ends and its counts start anew.")]


@get(
    "/api/v1/usage",
    operation_id="getUsage",
    summary="Plan and usage",
    tags=["service"],
    response_description="The application's plan, what was used in the month, and what is in use now.",
    responses=problems(*OWNED, AnalyticsNotInPlan),
)
async def get_usage(
    request: Request[Caller, None, object],
    parts: Parts,
    month: Month = None,
    user_header: UserHeader = None,
    user_query: UserQuery = None,
) -> UsageOut:
    """Return plan and usage of the calling application; of one user where the request names one or a token calls."""
    caller = request.user
    caller.require("app")
    named = (named_in_header(user_header), user_query)
    is_for_one = caller.user_id is not None or any(name is not None for name in named)
    owner = caller.owner(*named) if is_for_one else Owner(caller.application_id, EVERYBODY)
    await parts.threads.short(count_request, parts.database, owner, parts.settings.requests_per_minute)
    return await parts.threads.short(_usage, parts, owner, month)


def _usage(parts: ApiParts, owner: Owner, month: str | None) -> UsageOut:
    user_id, application_id = owner.user_id or None, owner.application_id
    with parts.database.read() as connection:
        now_s = parts.database.now_s(connection)
        plan = plan_of(connection, application_id)
        wanted = month or month_of(now_s)
        if wanted != month_of(now_s):
            require_analytics(plan)
        return UsageOut(
            month=wanted,
            user_id=user_id,
            plan=plan,
            used=usage_of(connection, parts.settings, wanted, application_id, user_id),
            now=HeldNow(
                concurrent_jobs=open_jobs(connection, application_id, user_id),
                audio_s_today=round(used(connection, usage.c.audio_s, application_id, day_of(now_s), user_id), 3),
                stored_bytes=stored_bytes(connection, application_id, user_id),
            ),
            renews_s=month_end_s(now_s),
        )
