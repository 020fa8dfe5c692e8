"""What an application may use: its plan."""

from typing import Annotated, Any

import msgspec
import sqlalchemy as sa
from msgspec import Meta

from appliance.errors import AnalyticsNotInPlan, Forbidden
from appliance.storage.tables import applications, plans

DEFAULT_PLAN = "enterprise"
"""Of new applications that are given no other: a box of one company is not to refuse its own messages."""

Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Bytes = Annotated[int, Meta(ge=0, le=2**62)]
Seconds = Annotated[float, Meta(ge=0, le=1e9)]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the plans; None in a limit means that there is none."""

    name: str
    sla_s: Annotated[float, Meta(gt=0, le=1e6)] | None
    """Seconds promised for a short message; None: the site's."""
    priority: Annotated[int, Meta(ge=0, le=2)]
    """0 is served first, 2 is refused first."""
    translations_per_month: Count | None
    """Languages computed for the application in a calendar month (UTC)."""
    user_translations_per_month: Count | None
    """The same for each of its users."""
    languages: tuple[str, ...] | None
    """Languages that may be translated to; None: all."""
    model_preset: Annotated[str, Meta(min_length=1, max_length=64)] | None
    """Model set that has to be loaded; None: whichever the site loads."""
    cloned_voice: bool
    """Whether the speaker's own voice may be cloned."""
    analytics: bool
    """Whether statistics, and the usage of earlier months, may be read."""
    reserved_slots: Count
    """Slots of the living workers that take this plan's work alone, for each kind of work."""
    concurrent_jobs: Count | None
    """Jobs of the application that may be open at once."""
    audio_s_per_day: Seconds | None
    """Seconds of recordings that are computed for the application in a day (UTC)."""
    stored_bytes: Bytes | None
    """What the application's recordings and results may take in the store."""
    requests_per_minute: Count | None
    """Requests for a translation by the application in a minute."""
    user_requests_per_minute: Count | None
    """The same for each of its users."""


_PLAN_OF = (
    sa.select(plans)
    .join(applications, applications.c.plan == plans.c.name)
    .where(applications.c.id == sa.bindparam("application_id"))
)
"""Made once: to make a short question takes as long as to ask it, and this one is asked twice for every upload."""


def plan_of(connection: sa.Connection, application_id: str) -> Plan:
    """Return the application's plan, or raise Forbidden where it has none."""
    row = connection.execute(_PLAN_OF, {"application_id": application_id}).mappings().first()
    if row is None:
        raise Forbidden("The application has no plan; its operator gives it one with: meeshy applications set.")
    return plan_from(row)


def require_analytics(plan: Plan) -> None:
    """Raise AnalyticsNotInPlan unless statistics and earlier months may be read under the plan."""
    if not plan.analytics:
        raise AnalyticsNotInPlan(f"The plan '{plan.name}' has no analytics; it shows the current month's usage alone.")


def plan_from(row: Any) -> Plan:
    """Return a row of the plans as its struct; ValidationError for values that no plan can have."""
    return msgspec.convert({field: row[field] for field in Plan.__struct_fields__}, Plan)
