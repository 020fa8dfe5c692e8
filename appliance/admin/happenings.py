"""What happened lately: pools, actions, and jobs that failed."""

import sqlalchemy as sa

from appliance.admin.ages import age_s
from appliance.admin.live_types import Event
from appliance.jobs.states import JobState
from appliance.storage.admin_tables import pool_actions
from appliance.storage.audit import CONSOLE, of_console
from appliance.storage.tables import applications, audit, jobs

MOST_EVENTS = 30
LOOK_BACK_S = 86_400.0
_WARNINGS = frozenset({"killed", "died"})
_SINCE_S, _MOST = sa.bindparam("since_s", type_=sa.Double), sa.bindparam("most", type_=sa.Integer)
# Made once, as every picture asks them.
_ACTED = (
    sa.select(audit, applications.c.name)
    .join(applications, applications.c.id == audit.c.application_id, isouter=True)
    .where(audit.c.at_s >= _SINCE_S, of_console())
    .order_by(audit.c.at_s.desc())
    .limit(_MOST)
)
_BADLY_ENDED = (
    sa.select(jobs.c.id, jobs.c.state, jobs.c.finished_s, jobs.c.error["code"].as_string().label("code"))
    .where(jobs.c.state.in_([JobState.FAILED.value, JobState.PARTIAL.value]), jobs.c.finished_s >= _SINCE_S)
    .order_by(jobs.c.finished_s.desc())
    .limit(_MOST)
)


def load_events(connection: sa.Connection, now_s: float, limit: int = MOST_EVENTS) -> tuple[Event, ...]:
    """Return what happened in the last day, the newest first."""
    since_s = now_s - LOOK_BACK_S
    every = [
        *scaling(connection, since_s, now_s, limit),
        *_actions(connection, since_s, now_s, limit),
        *_failed(connection, since_s, now_s, limit),
    ]
    return tuple(sorted(every, key=lambda event: (-event.at_s, event.id))[:limit])


def scaling(connection: sa.Connection, since_s: float, now_s: float, limit: int) -> list[Event]:
    """Return what the pools of all hosts did since a time, the newest first."""
    rows = connection.execute(
        sa.select(pool_actions).where(pool_actions.c.at_s >= since_s).order_by(pool_actions.c.id.desc()).limit(limit)
    )
    return [
        Event(
            id=f"pool-{row.id}",
            at_s=row.at_s,
            ago_s=age_s(row.at_s, now_s),
            severity="warning" if row.action in _WARNINGS else "info",
            kind="pool",
            subject=f"{row.host.split(':')[0]}/{row.device}",
            text=f"{row.action} {row.role}: {row.reason}",
        )
        for row in rows
    ]


def count_scaling(connection: sa.Connection, since_s: float) -> int:
    """Return how often the pools of all hosts did something since a time."""
    counted = sa.select(sa.func.count()).select_from(pool_actions).where(pool_actions.c.at_s >= since_s)
    return connection.scalar(counted) or 0


def _actions(connection: sa.Connection, since_s: float, now_s: float, limit: int) -> list[Event]:
    rows = connection.execute(_ACTED, {"since_s": since_s, "most": limit})
    found = []
    for row in rows:
        result, reason = row.detail.get("result", ""), row.detail.get("reason", "")
        done = "" if result == "done" else f" refused ({result})"
        found.append(
            Event(
                id=f"audit-{row.id}",
                at_s=row.at_s,
                ago_s=age_s(row.at_s, now_s),
                severity="info" if result == "done" else "warning",
                kind="action",
                subject=row.subject,
                text=f"{row.action.removeprefix(CONSOLE)} by {row.name or row.application_id}{done}"
                + (f": {reason}" if reason else ""),
            )
        )
    return found


def _failed(connection: sa.Connection, since_s: float, now_s: float, limit: int) -> list[Event]:
    rows = connection.execute(_BADLY_ENDED, {"since_s": since_s, "most": limit})
    return [
        Event(
            id=row.id,
            at_s=row.finished_s,
            ago_s=age_s(row.finished_s, now_s),
            severity="error" if row.state == JobState.FAILED else "warning",
            kind="job",
            subject=row.id,
            text=("failed" if row.state == JobState.FAILED else "some languages failed")
            + (f": {row.code}" if row.code else ""),
        )
        for row in rows
    ]
