"""Jobs that ended before a time, the oldest first, dealt with part by part."""

import time
from collections.abc import Callable, Sequence

import sqlalchemy as sa

from appliance import notify
from appliance.housekeeping.house import House, Outcome
from appliance.jobs.states import FINAL_JOB
from appliance.storage.tables import jobs

AT_ONCE = 50
"""Jobs of one part, so that none holds the database for long."""
LONGEST_S = 5.0
"""A duty begins no other part after that: the others have their turn, then it goes on."""
REST_S = 0.01
"""Between two parts: on SQLite others write then."""


def ended_before(before_s: float, after_s: float) -> sa.Select:
    """Select the ids of jobs that ended before a time, and not before another one."""
    return (
        sa.select(jobs.c.id)
        .where(
            jobs.c.state.in_([state.value for state in FINAL_JOB]),
            jobs.c.finished_s < before_s,
            jobs.c.finished_s >= after_s,
        )
        .order_by(jobs.c.finished_s)
    )


def let_go(
    house: House,
    after_s: float,
    due: Callable[[float, float], sa.Select],
    part: Callable[[House, sa.Select], Sequence[sa.Row]],
) -> Outcome:
    """Deal with jobs that ended so many seconds ago, part by part; `due` selects those between two times."""
    with house.database.read() as connection:
        before_s = house.database.now_s(connection) - after_s
        found = count(connection, due(before_s, 0.0))
    if house.dry_run:
        return Outcome(found=found, done=0)
    done = in_parts(house, lambda begin_s: part(house, due(before_s, begin_s)))
    return Outcome(found=max(found, done), done=done)


def in_parts(
    house: House,
    part: Callable[[float], Sequence[sa.Row]],
    at_once: int = AT_ONCE,
    monotonic_s: Callable[[], float] = time.monotonic,
) -> int:
    """Deal with jobs part by part until none is left or the time is over, and return with how many.

    `part` deals with at most `at_once` jobs that ended at a time or later, and returns their rows, the oldest first.
    Each part begins where the one before ended: what was dealt with is not looked through again.
    """
    until_s, after_s, done = monotonic_s() + LONGEST_S, 0.0, 0
    while True:
        rows = part(after_s)
        done += len(rows)
        if len(rows) < at_once or monotonic_s() >= until_s:
            return done
        after_s = rows[-1].finished_s
        notify.alive()
        house.rest(REST_S)


def count(connection: sa.Connection, query: sa.Select) -> int:
    """Return how many rows a query has."""
    return connection.scalar(sa.select(sa.func.count()).select_from(query.order_by(None).subquery())) or 0
