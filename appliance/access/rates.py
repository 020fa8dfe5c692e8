"""Requests per minute: exact over all processes, because the database counts.

Two kinds are counted apart. Every request counts against the site's limit per user, which keeps one client from
hammering. Requests for a translation count against the plan as well; looking at a job never does.
"""

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
    with database.write() as connection:
        over_s = _over_s(connection, database.now_s(connection), "any", owner, requests_per_minute)
    if over_s is not None:
        raise RateLimited(f"More than {requests_per_minute} requests in a minute.", retry_after_s=over_s)


def count_translation(database: Database, plan: Plan, application_id: str) -> None:
    """Count one request for a translation by the application against its plan.

    Raises RateLimited with the seconds until the next window.
    """
    if plan.requests_per_minute is not None:
        with database.write() as connection:
            over_s = _over_s(
                connection, database.now_s(connection), "translate", Owner(application_id, EVERYBODY),
                plan.requests_per_minute,
            )  # fmt: skip
        if over_s is not None:
            raise _too_many(plan, plan.requests_per_minute, "by this application", over_s)


def count_upload(database: Database, plan: Plan, owner: Owner, requests_per_minute: int) -> None:
    """Count one request for a translation by a user: against the site's limit for all requests, and the plan's.

    Raises RateLimited with the seconds until the next window. One transaction, since every upload pays for it.
    """
    site_over_s = plan_over_s = None
    if requests_per_minute or plan.user_requests_per_minute is not None:
        with database.write() as connection:
            now_s = database.now_s(connection)
            if requests_per_minute:
                site_over_s = _over_s(connection, now_s, "any", owner, requests_per_minute)
            if plan.user_requests_per_minute is not None and site_over_s is None:
                plan_over_s = _over_s(connection, now_s, "translate", owner, plan.user_requests_per_minute)
    if site_over_s is not None:
        raise RateLimited(f"More than {requests_per_minute} requests in a minute.", retry_after_s=site_over_s)
    if plan_over_s is not None:
        raise _too_many(plan, plan.user_requests_per_minute, "by one user", plan_over_s)


def _too_many(plan: Plan, limit: int | None, whose: str, over_s: float) -> RateLimited:
    return RateLimited(
        f"The plan '{plan.name}' has {limit} requests for a translation in a minute {whose}.", retry_after_s=over_s
    )


def _over_s(connection: sa.Connection, now_s: float, kind: Kind, owner: Owner, limit: int) -> float | None:
    """Count, and return the seconds until the next window where that was one too many."""
    start_s = int(now_s // WINDOW_S) * WINDOW_S
    requests = _count(connection, kind, owner, start_s)
    if requests == 1:
        connection.execute(sa.delete(rate_windows).where(rate_windows.c.window_start_s < start_s - WINDOW_S))
    return start_s + WINDOW_S - now_s if requests > limit else None


def _count(connection: sa.Connection, kind: Kind, owner: Owner, start_s: int) -> int:
    insert = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(rate_windows)
    insert = insert.values(
        application_id=owner.application_id, user_id=owner.user_id, kind=kind, window_start_s=start_s, requests=1
    )
    return connection.execute(
        insert.on_conflict_do_update(
            index_elements=["application_id", "user_id", "kind", "window_start_s"],
            set_={"requests": rate_windows.c.requests + 1},
        ).returning(rate_windows.c.requests)
    ).scalar_one()
