"""Reading the history, and what was counted but is not in it yet."""

import sqlalchemy as sa

from appliance.history.steps import SHORTEST_S, start_of
from appliance.storage.admin_tables import history, tallies
from appliance.telemetry.slices import Slice, slice_from


def load_steps(connection: sa.Connection, step_s: int, since_s: float, until_s: float) -> dict[int, Slice]:
    """Return the steps of one length that began in this time, by their start, the oldest first."""
    rows = connection.execute(
        sa.select(history.c.at_s, history.c.document)
        .where(history.c.step_s == step_s, history.c.at_s >= start_of(since_s, step_s), history.c.at_s < until_s)
        .order_by(history.c.at_s)
    )
    return {row.at_s: slice_from(row.document) for row in rows}


def load_recent(connection: sa.Connection, now_s: float, window_s: float) -> dict[int, Slice]:
    """Return the shortest steps of the last so many seconds, with what processes told since the last round."""
    since_s = now_s - window_s
    found = load_steps(connection, SHORTEST_S, since_s, now_s + SHORTEST_S)
    rows = connection.execute(sa.select(tallies.c.at_s, tallies.c.document).where(tallies.c.at_s >= since_s))
    for row in rows:
        found.setdefault(start_of(row.at_s, SHORTEST_S), Slice()).add(slice_from(row.document))
    return found
