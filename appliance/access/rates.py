"""The limit per user: exact over all processes, because the database counts."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from appliance.errors import RateLimited
from appliance.owner import Owner
from appliance.storage.database import Database
from appliance.storage.tables import rate_windows

WINDOW_S = 60
"""Windows start on whole minutes; around a minute's end a user may send up to twice the limit within one minute."""


def count_request(database: Database, owner: Owner, requests_per_minute: int) -> None:
    """Count one request of the owner, or raise RateLimited with the seconds until the next window. 0: no limit."""
    if requests_per_minute == 0:
        return
    with database.write() as connection:
        now_s = database.now_s(connection)
        start_s = int(now_s // WINDOW_S) * WINDOW_S
        requests = _count(connection, owner, start_s)
        if requests == 1:
            connection.execute(sa.delete(rate_windows).where(rate_windows.c.window_start_s < start_s - WINDOW_S))
    if requests > requests_per_minute:
        raise RateLimited(
            f"More than {requests_per_minute} requests in a minute.", retry_after_s=start_s + WINDOW_S - now_s
        )


def _count(connection: sa.Connection, owner: Owner, start_s: int) -> int:
    insert = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(rate_windows)
    insert = insert.values(
        application_id=owner.application_id, user_id=owner.user_id, window_start_s=start_s, requests=1
    )
    return connection.execute(
        insert.on_conflict_do_update(
            index_elements=["application_id", "user_id", "window_start_s"],
            set_={"requests": rate_windows.c.requests + 1},
        ).returning(rate_windows.c.requests)
    ).scalar_one()
