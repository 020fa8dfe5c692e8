"""The lanes as they are now."""

from collections.abc import Mapping

import msgspec
import sqlalchemy as sa

from appliance.admin.ages import age_s, ago_s
from appliance.admin.dead_letters import dead_in_lanes
from appliance.admin.live_types import PRIORITIES, STAGES, Lane, lane_name
from appliance.errors import NotFound
from appliance.history.steps import HOUR_S
from appliance.jobs.deadlines import sla_scale
from appliance.jobs.lanes import LaneKey, Pause, load_pauses
from appliance.jobs.reserved import VIEW_S
from appliance.jobs.states import OPEN_ITEM, ItemState, JobState
from appliance.settings import Settings
from appliance.storage.tables import jobs, plans, work_items

_ENDED = [state.value for state in (JobState.DONE, JobState.PARTIAL, JobState.FAILED)]
_NOW_S = sa.bindparam("now_s", type_=sa.Double)
_WAITED_S, _TIME_S = _NOW_S - work_items.c.created_s, work_items.c.deadline_s - work_items.c.created_s
# Made once, as every picture asks them: to make a question costs more than to ask it.
_OPEN = (
    sa.select(
        work_items.c.batch_key, work_items.c.priority, work_items.c.state, sa.func.count().label("items"),
        sa.func.sum(sa.case((work_items.c.deadline_s < _NOW_S, 1), else_=0)).label("overdue"),
        sa.func.min(work_items.c.created_s).label("oldest_s"),
        # Of a deadline that passed before the item was made, as of a second reading, all of its time is over.
        sa.func.max(_WAITED_S / sa.case((_TIME_S > 0.1, _TIME_S), else_=0.1)).label("of_sla"),
    )
    .where(work_items.c.state.in_(OPEN_ITEM))
    .group_by(work_items.c.batch_key, work_items.c.priority, work_items.c.state)
)  # fmt: skip
_IN_TIME = sa.and_(jobs.c.finished_s <= jobs.c.deadline_s, jobs.c.state != JobState.FAILED)
_ATTAINED = (
    sa.select(
        jobs.c.priority, sa.func.count().label("ended"), sa.func.sum(sa.case((_IN_TIME, 1), else_=0)).label("in_time")
    )
    .where(jobs.c.state.in_(_ENDED), jobs.c.finished_s >= sa.bindparam("since_s", type_=sa.Double))
    .group_by(jobs.c.priority)
)


class Looks(msgspec.Struct, frozen=True, kw_only=True):
    """What takes a look at many rows, so that who asks often may look less often."""

    work: Mapping[LaneKey, "Work"]
    attained: Mapping[int, "Attained"]
    """By priority."""
    dead: Mapping[LaneKey, int]
    """Dead letters."""


class Attained(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one priority's jobs within the last hour."""

    ended: int = 0
    share: float | None = None
    """Of those that ended: in time."""


class Work(msgspec.Struct, kw_only=True):
    """What is open in one lane."""

    depth: int = 0
    running: int = 0
    overdue: int = 0
    oldest_s: float | None = None
    of_sla: float | None = None


def lane_key(name: str) -> LaneKey:
    """Return the family and priority of a lane's name, or raise NotFound."""
    stage, _, priority = name.partition(".p")
    if stage not in STAGES or priority not in {str(each) for each in PRIORITIES}:
        raise NotFound("There is no such lane.")
    return stage, int(priority)


def load_lanes(connection: sa.Connection, settings: Settings, now_s: float, looks: Looks) -> tuple[Lane, ...]:
    """Return all lanes, idle ones too, by stage and priority."""
    pauses, slas_s = load_pauses(connection), _slas_s(connection, settings)
    attained = {priority: looks.attained.get(priority, Attained()) for priority in PRIORITIES}
    return tuple(
        _lane(
            (stage, priority), looks.work.get((stage, priority), Work()), pauses.get((stage, priority)), now_s,
            sla_s=slas_s.get(priority), attainment=attained[priority].share, ended=attained[priority].ended,
            dead=looks.dead.get((stage, priority), 0),
        )
        for stage in STAGES
        for priority in PRIORITIES
    )  # fmt: skip


def load_looks(connection: sa.Connection, now_s: float) -> Looks:
    """Return all of them as of now."""
    return Looks(
        work=load_work(connection, now_s), attained=load_attainment(connection, now_s), dead=dead_in_lanes(connection)
    )


def lane_state(paused_s: float | None, running: int) -> str:
    """Return the state of a lane that has been paused for so many seconds, None for one that is not."""
    if paused_s is None:
        return "open"
    # Until every worker has seen it, one may still take something.
    return "pausing" if running or paused_s < VIEW_S else "paused"


def running_in(connection: sa.Connection, lane: LaneKey) -> int:
    """Return how many items of a lane are in workers' hands."""
    family, priority = lane
    return connection.scalar(
        sa.select(sa.func.count()).where(
            work_items.c.state == ItemState.CLAIMED,
            work_items.c.priority == priority,
            work_items.c.batch_key.startswith(f"{family}:"),
        )
    ) or 0  # fmt: skip


def _lane(key: LaneKey, work: Work, pause: Pause | None, now_s: float, **more: object) -> Lane:
    stage, priority = key
    return Lane(
        name=lane_name(stage, priority),
        stage=stage,
        priority=priority,
        state=lane_state(now_s - pause.since_s if pause else None, work.running),
        depth=work.depth,
        running=work.running,
        overdue=work.overdue,
        oldest_wait_s=ago_s(work.oldest_s, now_s),
        oldest_of_sla=None if work.of_sla is None else round(max(0.0, work.of_sla), 4),
        paused_ago_s=age_s(pause.since_s, now_s) if pause else None,
        paused_by=pause.actor if pause else None,
        paused_reason=pause.reason if pause else None,
        **more,  # type: ignore[arg-type]
    )


def load_work(connection: sa.Connection, now_s: float) -> dict[LaneKey, Work]:
    """Return what is open, by lane; lanes without any are left out."""
    rows = connection.execute(_OPEN, {"now_s": now_s})
    found: dict[LaneKey, Work] = {}
    for row in rows:
        work = found.setdefault((row.batch_key.split(":")[0], row.priority), Work())
        if row.state == ItemState.CLAIMED:
            work.running += row.items
            continue
        work.depth += row.items
        work.overdue += row.overdue
        work.oldest_s = row.oldest_s if work.oldest_s is None else min(work.oldest_s, row.oldest_s)
        work.of_sla = row.of_sla if work.of_sla is None else max(work.of_sla, row.of_sla)
    return found


def _slas_s(connection: sa.Connection, settings: Settings) -> dict[int, float]:
    scale = sla_scale(connection, settings)
    rows = connection.execute(
        sa.select(
            plans.c.priority, sa.func.min(sa.func.coalesce(plans.c.sla_s, settings.sla_s)).label("sla_s")
        ).group_by(plans.c.priority)
    )
    return {row.priority: round(row.sla_s * scale, 3) for row in rows}


def load_attainment(connection: sa.Connection, now_s: float) -> dict[int, Attained]:
    """Return what became of the last hour's jobs, by priority; those of which none ended are left out."""
    rows = connection.execute(_ATTAINED, {"since_s": now_s - HOUR_S})
    return {row.priority: Attained(ended=row.ended, share=round(row.in_time / row.ended, 4)) for row in rows}
