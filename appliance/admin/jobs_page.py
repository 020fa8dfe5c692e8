"""The items of one lane, page by page, the earliest deadline first."""

import math

import sqlalchemy as sa

from appliance.admin.ages import age_s
from appliance.admin.live_types import lane_name
from appliance.admin.page_types import JobLine, JobsPage
from appliance.jobs.lanes import LaneKey
from appliance.jobs.states import OPEN_ITEM, ItemState
from appliance.learning.cursor import Position, cursor_of, position_of
from appliance.storage.tables import applications, jobs, targets, work_items
from appliance.storage.voice_tables import voice_profiles, voice_samples

STATES = {"waiting": ItemState.READY, "running": ItemState.CLAIMED}
_BY_DEADLINE = (work_items.c.deadline_s, work_items.c.id)
_OF_LANE = (
    work_items.c.priority == sa.bindparam("priority", type_=sa.Integer),
    work_items.c.batch_key.like(sa.bindparam("family", type_=sa.String)),
)


def load_jobs_page(
    connection: sa.Connection, now_s: float, lane: LaneKey, state: str | None, limit: int, cursor: str | None,
    *, counted: bool = True,
) -> JobsPage:  # fmt: skip
    """Return a page of a lane's open items; InvalidRequest for a cursor that is none.

    With `counted` it tells how many there are, for which every open item of the appliance is read.
    """
    family, priority = lane
    states = (STATES[state].value,) if state else OPEN_ITEM
    asked = {"priority": priority, "family": f"{family}:%"}
    total = connection.scalar(_COUNTED, {**asked, "states": states}) if counted else None
    place = position_of(cursor) if cursor is not None else _BEFORE_ALL
    asked |= {"deadline_s": place.accepted_s, "id": place.job_id, "up_to": limit + 1}
    rows = connection.execute(_PAGES[states], asked).all()
    shown = rows[:limit]
    return JobsPage(
        server_time_s=now_s,
        lane=lane_name(family, priority),
        stage=family,
        priority=priority,
        total=total,
        jobs=tuple(_line(row, lane_name(family, priority), now_s) for row in shown),
        next_cursor=cursor_of(Position(shown[-1].deadline_s, shown[-1].id)) if len(rows) > limit else None,
    )


def _page(states: tuple[str, ...]) -> sa.Select:
    """Return the question for a page of items in these states.

    Each state's items come in the order of an index of their own, which is read until the page is full, and their jobs
    are looked up when they are chosen: of 10,000 items a database would read, sort or look up all. The index knows no
    lanes, so for a lane of few items beside many of others it is read to its end.
    """
    after = sa.tuple_(sa.bindparam("deadline_s", type_=sa.Double), sa.bindparam("id", type_=sa.String))
    up_to = sa.bindparam("up_to", type_=sa.Integer)
    first = sa.union_all(
        *(
            sa.select(
                sa.select(work_items.c.id)
                .where(work_items.c.state == state, *_OF_LANE, sa.tuple_(*_BY_DEADLINE) > after)
                .order_by(*_BY_DEADLINE)
                .limit(up_to)
                .subquery()
            )
            for state in states
        )
    )
    return _lines().where(work_items.c.id.in_(first)).order_by(*_BY_DEADLINE).limit(up_to)


def _lines() -> sa.Select:
    application_id = sa.func.coalesce(jobs.c.application_id, voice_profiles.c.application_id)
    return (
        sa.select(
            work_items.c.id, work_items.c.job_id, work_items.c.state, work_items.c.deadline_s, work_items.c.attempts,
            work_items.c.worker_id, work_items.c.created_s, work_items.c.claimed_s, targets.c.language,
            jobs.c.source["language"].as_string().label("source_language"),
            sa.func.coalesce(jobs.c.audio_s, voice_samples.c.duration_s).label("audio_s"), applications.c.name,
        )
        .join(jobs, jobs.c.id == work_items.c.job_id, isouter=True)
        .join(targets, targets.c.id == work_items.c.target_id, isouter=True)
        .join(voice_samples, voice_samples.c.id == work_items.c.sample_id, isouter=True)
        .join(voice_profiles, voice_profiles.c.id == voice_samples.c.profile_id, isouter=True)
        .join(applications, applications.c.id == application_id, isouter=True)
    )  # fmt: skip


_BEFORE_ALL = Position(-math.inf, "")
_COUNTED = (
    sa.select(sa.func.count())
    .select_from(work_items)
    .where(work_items.c.state.in_(sa.bindparam("states", expanding=True)), *_OF_LANE)
)
# Made once, as a console asks them over and over: to make a question costs more than to ask it.
_PAGES = {states: _page(states) for states in (OPEN_ITEM, *((state.value,) for state in STATES.values()))}


def _line(row: sa.Row, lane: str, now_s: float) -> JobLine:
    running = row.state == ItemState.CLAIMED
    taken_s = row.claimed_s if running and row.claimed_s is not None else now_s
    return JobLine(
        item_id=row.id,
        job_id=row.job_id,
        lane=lane,
        state="running" if running else "waiting",
        application=row.name or "",
        source_language=row.source_language,
        target_language=row.language,
        audio_s=row.audio_s,
        attempts=row.attempts,
        wait_s=round(max(0.0, taken_s - row.created_s), 3),
        run_s=age_s(taken_s, now_s) if running else None,
        slack_s=round(row.deadline_s - now_s, 3),
        worker_id=row.worker_id if running else None,
    )
