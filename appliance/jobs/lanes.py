"""Lanes, a family of work with a priority, that an operator paused; and workers that are to take nothing more.

Both are rows that every claim honours, as it saw them at most three seconds ago: what was claimed before still runs.
"""

from collections.abc import Mapping, Sequence

import msgspec
import sqlalchemy as sa

from appliance.jobs.locks import hold_names
from appliance.storage.admin_tables import lane_pauses
from appliance.storage.tables import work_items, workers

LaneKey = tuple[str, int]
"""A family of work and a priority."""
Paused = Mapping[str, Sequence[int]]
"""The paused priorities of each family that has any."""


class Pause(msgspec.Struct, frozen=True, kw_only=True):
    """Since when a lane is paused, by whom and why."""

    since_s: float
    actor: str
    reason: str


def load_pauses(connection: sa.Connection) -> dict[LaneKey, Pause]:
    """Return the lanes that are paused."""
    rows = connection.execute(sa.select(lane_pauses))
    return {(row.family, row.priority): Pause(since_s=row.since_s, actor=row.actor, reason=row.reason) for row in rows}


def hold_lanes(connection: sa.Connection) -> None:
    """Be the only transaction that pauses or resumes lanes, from here to its end."""
    hold_names(connection, ["lanes"])


def pause_lane(connection: sa.Connection, lane: LaneKey, pause: Pause) -> None:
    """Let no worker take work of a lane; the caller has seen that it is open, under `hold_lanes`."""
    family, priority = lane
    connection.execute(sa.insert(lane_pauses).values(family=family, priority=priority, **msgspec.structs.asdict(pause)))


def resume_lane(connection: sa.Connection, lane: LaneKey) -> None:
    """Let workers take work of a lane again."""
    family, priority = lane
    connection.execute(sa.delete(lane_pauses).where(lane_pauses.c.family == family, lane_pauses.c.priority == priority))


def set_draining(connection: sa.Connection, worker_id: str, since_s: float | None) -> None:
    """Let a worker take nothing more from now on, or with None take work again."""
    connection.execute(sa.update(workers).where(workers.c.id == worker_id).values(draining_s=since_s))


def in_open_lane() -> sa.ColumnElement[bool]:
    """Return the condition that a work item's lane is not paused, for statements that no claim waits for."""
    paused = sa.select(lane_pauses.c.family).where(
        lane_pauses.c.priority == work_items.c.priority, work_items.c.batch_key.like(lane_pauses.c.family + ":%")
    )
    return ~paused.exists()


def of_families(families: Sequence[str], paused: Paused) -> sa.ColumnElement[bool]:
    """Return the condition that a work item is of one of these families and of none of their paused priorities."""
    return sa.or_(*(_of_family(family, paused.get(family)) for family in families))


def _of_family(family: str, paused: Sequence[int] | None) -> sa.ColumnElement[bool]:
    mine = work_items.c.batch_key.startswith(f"{family}:")
    return sa.and_(mine, work_items.c.priority.not_in(sorted(paused))) if paused else mine
