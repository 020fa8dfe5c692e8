"""Who may do what under `/api/v1/admin/`: viewers look, operators act."""

import sqlalchemy as sa
from litestar import Request

from appliance.access.caller import Caller
from appliance.access.rates import EVERYBODY, count_request
from appliance.admin.actions import Actor
from appliance.admin.page_types import Me
from appliance.api.parts import ApiParts
from appliance.errors import Forbidden
from appliance.owner import Owner
from appliance.storage.tables import applications

ROLES = ("admin", "operator", "viewer")
"""The highest first."""


async def counted(request: Request[Caller, None, object], parts: ApiParts, role: str) -> None:
    """Raise Forbidden without the role, RateLimited above the site's limit for one application's keys."""
    request.user.require(role)
    owner = Owner(request.user.application_id, EVERYBODY)
    await parts.threads.short(count_request, parts.database, owner, parts.settings.requests_per_minute)


def me(parts: ApiParts, caller: Caller) -> Me:
    """Return who a key belongs to and the highest role that it has."""
    role = next((role for role in ROLES if role in caller.roles), "")
    return Me(name=_name(parts, caller), role=role, key_id=caller.key_id or "")


def actor(parts: ApiParts, caller: Caller) -> Actor:
    """Return who acts; only keys do."""
    if caller.key_id is None:
        raise Forbidden("Only a key can act; this is a user's token.")
    return Actor(application_id=caller.application_id, key_id=caller.key_id, name=_name(parts, caller))


def _name(parts: ApiParts, caller: Caller) -> str:
    with parts.database.read() as connection:
        query = sa.select(applications.c.name).where(applications.c.id == caller.application_id)
        return connection.scalar(query) or caller.application_id
