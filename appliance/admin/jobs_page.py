"""The items of one lane, page by page, the earliest deadline first."""

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


def load_jobs_page(
    connection: sa.Connection, now_s: float, lane: LaneKey, state: str | None, limit: int, cursor: str | None
) -> JobsPage:  # fmt: skip
    """Return a page of a lane's open items; InvalidRequest for a cursor that is none."""
    family, priority = lane
    mine = (
        work_items.c.state.in_([STATES[state].value] if state else OPEN_ITEM),
        work_items.c.priority == priority,
        work_items.c.batch_key.startswith(f"{family}:"),
    )
    total = connection.scalar(sa.select(sa.func.count()).select_from(work_items).where(*mine))
    by_deadline = (work_items.c.deadline_s, work_items.c.id)
    first = sa.select(work_items.c.id).where(*mine).order_by(*by_deadline).limit(limit + 1)
    if cursor is not None:
        after = position_of(cursor)
        place = sa.tuple_(sa.literal(after.accepted_s, sa.Double), sa.literal(after.job_id, sa.String))
        first = first.where(sa.tuple_(*by_deadline) > place)
    # What is shown is chosen before its jobs are looked up: of 10,000 items a database would look up and sort all.
    rows = connection.execute(_lines().where(work_items.c.id.in_(first)).order_by(*by_deadline)).all()
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
