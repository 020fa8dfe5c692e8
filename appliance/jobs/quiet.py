"""Whether there is nothing to do: what may be done ahead must not take a core from what somebody waits for."""

import sqlalchemy as sa

from appliance.jobs.states import ItemState
from appliance.storage.tables import work_items, workers


def is_quiet(connection: sa.Connection, host: str) -> bool:
    """Return whether no work item waits anywhere and none is being worked on by a process of this host."""
    waiting = sa.select(work_items.c.id).where(work_items.c.state == ItemState.READY).limit(1)
    if connection.scalar(waiting) is not None:
        return False
    in_hand = (
        sa.select(work_items.c.id)
        .outerjoin(workers, workers.c.id == work_items.c.worker_id)
        .where(work_items.c.state == ItemState.CLAIMED, sa.func.coalesce(workers.c.host, host) == host)
        .limit(1)
    )
    return connection.scalar(in_hand) is None
