"""What the database says to the pool of one host: what waits, what its workers have in hand, when they reported."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from appliance.jobs.deadlines import sla_scale
from appliance.jobs.lanes import in_open_lane
from appliance.jobs.registry import this_host
from appliance.jobs.states import ItemState
from appliance.settings import Settings
from appliance.storage.database import Database
from appliance.storage.tables import jobs, work_items, workers
from appliance.storage.voice_tables import voice_samples
from appliance.workers.roles import ROLES


@dataclass(frozen=True)
class Waiting:
    """What waits for one role; `slack_s` is what the most urgent job has left, None where none waits."""

    jobs: int
    slack_s: float | None


@dataclass(frozen=True)
class Batch:
    """What a worker has in hand: since how long, and how many seconds of recordings are in it."""

    pid: int
    key: tuple[str, float]
    """Worker's id and time of the claim: what one claim took, and nothing else, has both."""
    family: str
    running_s: float
    audio_s: float


@dataclass(frozen=True)
class Reading:
    """One reading; `seen_s` has the processes that have announced themselves, with the time of their last report."""

    waiting: Mapping[str, Waiting]
    batches: tuple[Batch, ...]
    seen_s: Mapping[int, float]
    scale: float
    """The site's `sla_scale`: how much slower it is than the machine that times were written for."""
    draining: Collection[int] = frozenset()
    """The processes that are to take nothing more."""


def read(database: Database, settings: Settings, roles: Collection[str], pids: Collection[int]) -> Reading:
    """Return what there is for these roles and what these processes of this host do; StorageUnavailable if it is away.

    Three short queries for one role, one more for each further role; all read the open items' part of an index.
    """
    with database.read() as connection:
        now_s = database.now_s(connection)
        announced = _announced(connection, pids)
        return Reading(
            waiting={role: _waiting(connection, ROLES[role], now_s) for role in roles},
            batches=_batches(connection, {row.id: pid for pid, row in announced.items()}, now_s),
            seen_s={pid: row.seen_s for pid, row in announced.items()},
            scale=sla_scale(connection, settings),
            draining=frozenset(pid for pid, row in announced.items() if row.draining_s is not None),
        )


def _waiting(connection: sa.Connection, families: Collection[str], now_s: float) -> Waiting:
    # A sample of a voice profile counts like a job.
    whose = sa.func.coalesce(work_items.c.job_id, work_items.c.sample_id)
    row = connection.execute(
        sa.select(sa.func.count(whose.distinct()), sa.func.min(work_items.c.deadline_s)).where(
            work_items.c.state == ItemState.READY,
            sa.or_(*(work_items.c.batch_key.startswith(f"{family}:") for family in families)),
            # Another process would not help what nobody may take.
            in_open_lane(),
        )
    ).one()
    return Waiting(row[0], None if row[1] is None else row[1] - now_s)


def _announced(connection: sa.Connection, pids: Collection[int]) -> dict[int, sa.Row]:
    """Return worker's id, last report and since when it drains of each process that has announced itself."""
    rows = connection.execute(
        sa.select(workers.c.pid, workers.c.id, workers.c.seen_s, workers.c.draining_s)
        .where(workers.c.host == this_host(), workers.c.pid.in_(pids))
        .order_by(workers.c.started_s)  # the newest wins, should a process id have come round again
    )
    return {row.pid: row for row in rows}


def _batches(connection: sa.Connection, pids: Mapping[str, int], now_s: float) -> tuple[Batch, ...]:
    rows = connection.execute(
        sa.select(
            work_items.c.worker_id,
            work_items.c.claimed_s,
            work_items.c.batch_key,
            sa.func.coalesce(jobs.c.audio["duration_s"].as_float(), voice_samples.c.duration_s).label("audio_s"),
        )
        .join(jobs, jobs.c.id == work_items.c.job_id, isouter=True)
        .join(voice_samples, voice_samples.c.id == work_items.c.sample_id, isouter=True)
        .where(work_items.c.state == ItemState.CLAIMED, work_items.c.worker_id.in_(list(pids)))
    )
    audio_s: dict[tuple[str, float, str], float] = defaultdict(float)
    for row in rows:
        if row.claimed_s is not None:
            audio_s[(row.worker_id, row.claimed_s, row.batch_key.split(":")[0])] += row.audio_s or 0.0
    return tuple(
        Batch(pids[worker], (worker, claimed_s), family, now_s - claimed_s, length_s)
        for (worker, claimed_s, family), length_s in audio_s.items()
    )
