"""Open languages that compute what others ask for too: those follow them and are answered by the same work."""

from collections.abc import Collection

import sqlalchemy as sa

from appliance.jobs.locks import hold_names
from appliance.jobs.states import OPEN_TARGET
from appliance.storage.tables import targets

# Made once: to make a short question takes as long as to ask it, and an overload asks this for all that it refuses.
_LEADERS = sa.select(targets.c.result_key, targets.c.id).where(
    targets.c.result_key.in_(sa.bindparam("keys", expanding=True)),
    targets.c.state.in_(OPEN_TARGET),
    targets.c.follows_id.is_(None),
)


def open_leaders(connection: sa.Connection, keys: Collection[str]) -> dict[str, str]:
    """Return, per result key, the open target that computes it."""
    return {row.result_key: row.id for row in connection.execute(_LEADERS, {"keys": list(keys)})}


def held_leaders(connection: sa.Connection, keys: list[str]) -> dict[str, str]:
    """Return the same; the targets' rows stay locked until the commit, and nobody else becomes one meanwhile."""
    hold_names(connection, keys)
    locked = _LEADERS.order_by(targets.c.id).with_for_update()
    return {row.result_key: row.id for row in connection.execute(locked, {"keys": keys})}
