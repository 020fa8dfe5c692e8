"""Requests per minute: exact over all processes, because the database counts.

Two kinds are counted apart. Every request counts against the site's limit per user, which keeps one client from
hammering. Requests for a translation count against the plan as well; looking at a job never does.
"""

from collections.abc import Sequence
from functools import cache
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from appliance.access.plan import Plan
from appliance.errors import RateLimited
from appliance.owner import Owner
from appliance.storage.database import Database
from appliance.storage.tables import rate_windows

WINDOW_S = 60
"""Windows start on whole minutes; around a minute's end a user may send up to twice the limit within one minute."""
EVERYBODY = ""
"""In the place of the user where an application's requests are counted together; no user's id is empty."""

Kind = Literal["any", "translate"]


def count_request(database: Database, owner: Owner, requests_per_minute: int) -> None:
    """Count one request of the owner, or raise RateLimited with the seconds until the next window. 0: no limit."""
    if requests_per_minute == 0:
        return

    def count(connection: sa.Connection) -> tuple[int, float]:
        now_s = database.now_s(connection)
        return _count(connection, [("any", owner)], now_s)["any"], now_s

    counted, now_s = database.together(count)
    if counted > requests_per_minute:
        raise _too_many(requests_per_minute, now_s)


def count_translation(
    connection: sa.Connection, plan: Plan, application_id: str, now_s: float
) -> RateLimited | None:  # fmt: skip
    """Count one request for a translation by the application against its plan.

    Returns the refusal where that was one too many; raised after the commit, so that it is counted as well.
    """
    limit = plan.requests_per_minute
    if limit is None:
        return None
    counted = _count(connection, [("translate", Owner(application_id, EVERYBODY))], now_s)
    return _too_many_for(plan, limit, "by this application", now_s) if counted["translate"] > limit else None


def count_upload(
    connection: sa.Connection, plan: Plan, owner: Owner, requests_per_minute: int, now_s: float
) -> RateLimited | None:
    """Count one request for a translation by a user: against the site's limit for all requests, and the plan's.

    Returns the refusal like `count_translation`.
    """
    plan_limit = plan.user_requests_per_minute
    limits = {"any": requests_per_minute or None, "translate": plan_limit}
    counted = _count(connection, [(kind, owner) for kind, limit in limits.items() if limit is not None], now_s)
    if requests_per_minute and counted["any"] > requests_per_minute:
        return _too_many(requests_per_minute, now_s)
    if plan_limit is not None and counted["translate"] > plan_limit:
        return _too_many_for(plan, plan_limit, "by one user", now_s)
    return None


def _too_many(limit: int, now_s: float) -> RateLimited:
    return RateLimited(f"More than {limit} requests in a minute.", retry_after_s=_window_ends_s(now_s))


def _too_many_for(plan: Plan, limit: int, whose: str, now_s: float) -> RateLimited:
    return RateLimited(
        f"The plan '{plan.name}' has {limit} requests for a translation in a minute {whose}.",
        retry_after_s=_window_ends_s(now_s),
    )


def _window_ends_s(now_s: float) -> float:
    return WINDOW_S - now_s % WINDOW_S


def _count(connection: sa.Connection, what: Sequence[tuple[Kind, Owner]], now_s: float) -> dict[Kind, int]:
    """Count one request of each kind in the current window, and return how many it has now."""
    start_s = int(now_s // WINDOW_S) * WINDOW_S
    # A statement each: SQLAlchemy compiles one of several rows anew every time, which takes longer than to send two.
    return {
        kind: connection.execute(
            _counting(connection.dialect.name),
            {
                "application_id": owner.application_id, "user_id": owner.user_id, "kind": kind,
                "window_start_s": start_s, "requests": 1,
            },
        ).scalar_one()
        for kind, owner in what
    }  # fmt: skip


@cache
def _counting(dialect: str) -> sa.Insert:
    insert = (sqlite if dialect == "sqlite" else postgresql).insert(rate_windows)
    return insert.on_conflict_do_update(
        index_elements=["application_id", "user_id", "kind", "window_start_s"],
        set_={"requests": rate_windows.c.requests + 1},
    ).returning(rate_windows.c.requests)
