"""What the pools of all hosts did to their worker processes, and why: rows for the console and `meeshy status`."""

import msgspec
import sqlalchemy as sa

from appliance.storage.admin_tables import pool_actions
from appliance.storage.database import Database

KEEP_ACTIONS_S = 4 * 365.25 * 86400.0
"""As long as the history keeps its days, which are told beside them; a test compares."""
REASON_CHARACTERS = 200

RECENT_S = 3600.0
ACTIONS = ("start", "stop", "change", "killed", "died")


class PoolAction(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a pool did: `start`, `stop`, `change`, `killed` or noted: `died`."""

    at_s: float
    host: str
    device: str
    role: str
    action: str
    pid: int | None
    reason: str


def record_action(
    database: Database, *, host: str, device: str, role: str, action: str, pid: int | None, reason: str
) -> None:
    """Write an action down with database time, and let go of those of more than four years ago."""
    with database.write() as connection:
        now_s = database.now_s(connection)
        connection.execute(
            sa.insert(pool_actions).values(
                at_s=now_s, host=host, device=device, role=role, action=action, pid=pid,
                reason=reason[:REASON_CHARACTERS],
            )
        )  # fmt: skip
        connection.execute(sa.delete(pool_actions).where(pool_actions.c.at_s < now_s - KEEP_ACTIONS_S))


def recent_actions(connection: sa.Connection, now_s: float) -> dict[str, int]:
    """Return how often each action was done within the last hour, on all hosts; 0 for what was not."""
    rows = connection.execute(
        sa.select(pool_actions.c.action, sa.func.count())
        .where(pool_actions.c.at_s >= now_s - RECENT_S)
        .group_by(pool_actions.c.action)
    )
    counted = {row[0]: row[1] for row in rows}
    return {action: counted.get(action, 0) for action in ACTIONS}


def latest_actions(connection: sa.Connection, limit: int = 50) -> list[PoolAction]:
    """Return the newest actions of all hosts, the newest first."""
    columns = [column for column in pool_actions.c if column.name != "id"]
    rows = connection.execute(sa.select(*columns).order_by(pool_actions.c.id.desc()).limit(limit)).mappings()
    return [PoolAction(**row) for row in rows]
