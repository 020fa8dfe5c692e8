"""Who may do what under `/api/v1/admin/`: viewers look, operators act. None of it waits behind uploads."""

from collections.abc import Callable
from typing import TypeVar

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

_T = TypeVar("_T")
ROLES = ("admin", "operator", "viewer")
"""The highest first."""
Load = Callable[[sa.Connection, float], _T]
"""Reads something at a time."""


async def look_up(request: Request[Caller, None, object], parts: ApiParts, load: Load[_T], role: str = "viewer") -> _T:
    """Return what is read; Forbidden without the role, RateLimited above the site's limit for an application's keys."""
    request.user.require(role)

    def read() -> _T:
        count(parts, request.user)
        return _read(parts, load)

    return await parts.threads.operate(read)


async def read_page(
    request: Request[Caller, None, object], parts: ApiParts, load: Load[_T], role: str = "viewer"
) -> _T:  # fmt: skip
    """Return a page of what may be many rows like `look_up`; Overloaded where several such questions wait already."""
    request.user.require(role)
    await parts.threads.operate(count, parts, request.user)
    return await parts.threads.pages(owner_of(request.user), _read, parts, load)


async def add_up(request: Request[Caller, None, object], parts: ApiParts, load: Load[_T]) -> _T:
    """Return figures over time like `look_up`; Overloaded where several such questions wait already."""
    request.user.require("viewer")
    await parts.threads.operate(count, parts, request.user)
    return await parts.threads.figures(owner_of(request.user), _read, parts, load)


def count(parts: ApiParts, caller: Caller) -> None:
    """Count a request, or raise RateLimited."""
    owner = Owner(caller.application_id, EVERYBODY)
    count_request(parts.database, owner, parts.settings.requests_per_minute)


def me(connection: sa.Connection, caller: Caller) -> Me:
    """Return who a key belongs to and the highest role that it has."""
    role = next((role for role in ROLES if role in caller.roles), "")
    return Me(name=_name(connection, caller), role=role, key_id=caller.key_id or "")


def actor(connection: sa.Connection, caller: Caller) -> Actor:
    """Return who acts; only keys do."""
    if caller.key_id is None:
        raise Forbidden("Only a key can act; this is a user's token.")
    return Actor(application_id=caller.application_id, key_id=caller.key_id, name=_name(connection, caller))


def owner_of(caller: Caller) -> Owner:
    """Return under whom the audit has what somebody tries who may not act: a key, or a token's user."""
    return Owner(caller.application_id, f"key:{caller.key_id}" if caller.key_id else caller.user_id or "")


def _name(connection: sa.Connection, caller: Caller) -> str:
    query = sa.select(applications.c.name).where(applications.c.id == caller.application_id)
    return connection.scalar(query) or caller.application_id


def _read(parts: ApiParts, load: Load[_T]) -> _T:
    with parts.database.read() as connection:
        return load(connection, parts.database.now_s(connection))
