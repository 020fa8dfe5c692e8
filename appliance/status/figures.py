"""What the rows tell about the appliance as a whole, at this moment."""

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from appliance.history.steps import HOUR_S
from appliance.housekeeping.rounds import Record, last_records
from appliance.jobs.lanes import load_pauses
from appliance.jobs.outbox import MessageState
from appliance.jobs.rates import COMMISSIONED
from appliance.jobs.registry import SEEN_WITHIN_S
from appliance.jobs.reserved import Reservation, reservations
from appliance.jobs.states import FINAL_JOB, ItemState
from appliance.storage.database import Database
from appliance.storage.site import site_value
from appliance.storage.tables import jobs, outbox, webhook_destinations, work_items, workers
from appliance.storage.voice_tables import voice_samples


class QueueLine(msgspec.Struct, kw_only=True):
    """Work of one family and priority that has not ended."""

    family: str
    priority: int
    waiting: int = 0
    running: int = 0
    overdue: int = 0
    """Of those that wait: past their deadline."""
    audio_s: float = 0.0
    """Seconds of the recordings that wait."""
    oldest_wait_s: float = 0.0
    lost: int = 0
    """Of those that run: their lease is over, and nobody has taken them yet."""


class WorkerLine(msgspec.Struct, frozen=True, kw_only=True):
    """A worker that was seen within the last hour."""

    id: str
    families: tuple[str, ...]
    slots: int
    """Batches that it runs side by side."""
    seen_ago_s: float
    living: bool
    host: str
    started_ago_s: float
    proven: bool
    """Whether it has spoken a real utterance since it started."""
    version: str | None
    """The release that it runs; None for one from before releases told."""
    draining: bool = False
    """Whether an operator told it to take nothing more."""

    @property
    def taking(self) -> bool:
        """Return whether it lives and takes work."""
        return self.living and not self.draining


class PauseLine(msgspec.Struct, frozen=True, kw_only=True):
    """A family and priority of which an operator lets nobody take work."""

    family: str
    priority: int
    paused_ago_s: float
    actor: str

    @property
    def lane(self) -> str:
        """Return the name under which the console has it."""
        return f"{self.family}.p{self.priority}"


class WebhookLine(msgspec.Struct, frozen=True, kw_only=True):
    """The outbox, and the destinations in trouble."""

    waiting: int
    oldest_due_s: float
    """For how long the message that is due the longest has been due; 0 where none is."""
    failed: int
    disabled_destinations: int
    failing_destinations: int


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that rows tell; ages are seconds."""

    queue: tuple[QueueLine, ...]
    workers: tuple[WorkerLine, ...]
    reservations: tuple[Reservation, ...]
    jobs: dict[str, int]
    """Jobs that ended in the last hour by state, and those that are open now."""
    webhooks: WebhookLine
    housekeeping: dict[str, Record]
    housekeeping_ago_s: float | None
    """Since the last duty was done; None where none ever was."""
    commissioned: bool
    """Whether this site's speed was ever measured."""
    pauses: tuple[PauseLine, ...] = ()

    @property
    def paused(self) -> frozenset[tuple[str, int]]:
        """Return the lanes that are paused."""
        return frozenset((pause.family, pause.priority) for pause in self.pauses)


def read_figures(database: Database) -> Figures:
    """Return the figures of one moment, or raise StorageUnavailable."""
    with database.read() as connection:
        now_s = database.now_s(connection)
        records = last_records(connection)
        last_s = max((record.at_s for record in records.values()), default=None)
        return Figures(
            queue=_queue(connection, now_s),
            workers=_workers(connection, now_s),
            reservations=reservations(connection, now_s - SEEN_WITHIN_S),
            jobs=ended_and_open_jobs(connection, now_s),
            webhooks=_webhooks(connection, now_s),
            housekeeping=records,
            housekeeping_ago_s=None if last_s is None else max(0.0, now_s - last_s),
            commissioned=site_value(connection, COMMISSIONED) is not None,
            pauses=_pauses(connection, now_s),
        )


def _queue(connection: sa.Connection, now_s: float) -> tuple[QueueLine, ...]:
    overdue = sa.case((work_items.c.deadline_s < now_s, 1), else_=0)
    lost = sa.case((work_items.c.lease_until_s < now_s, 1), else_=0)
    priority, audio_s = work_items.c.priority, sa.func.coalesce(jobs.c.audio_s, voice_samples.c.duration_s)
    rows = connection.execute(
        sa.select(
            work_items.c.batch_key,
            priority,
            work_items.c.state,
            sa.func.count().label("items"),
            sa.func.sum(overdue).label("overdue"),
            sa.func.sum(lost).label("lost"),
            sa.func.sum(audio_s).label("audio_s"),
            sa.func.min(work_items.c.created_s).label("oldest_s"),
        )
        .join(jobs, jobs.c.id == work_items.c.job_id, isouter=True)
        .join(voice_samples, voice_samples.c.id == work_items.c.sample_id, isouter=True)
        .where(work_items.c.state.in_([ItemState.READY.value, ItemState.CLAIMED.value]))
        .group_by(work_items.c.batch_key, priority, work_items.c.state)
    ).all()
    lines: dict[tuple[str, int], QueueLine] = {}
    for row in rows:
        family = row.batch_key.split(":")[0]
        line = lines.setdefault((family, row.priority), QueueLine(family=family, priority=row.priority))
        if row.state == ItemState.CLAIMED:
            line.running += row.items
            line.lost += row.lost
            continue
        line.waiting += row.items
        line.overdue += row.overdue
        line.audio_s = round(line.audio_s + (row.audio_s or 0.0), 1)
        line.oldest_wait_s = max(line.oldest_wait_s, now_s - row.oldest_s)
    return tuple(lines[key] for key in sorted(lines))


def _workers(connection: sa.Connection, now_s: float) -> tuple[WorkerLine, ...]:
    rows = connection.execute(
        sa.select(
            workers.c.id, workers.c.families, workers.c.slots, workers.c.seen_s, workers.c.host, workers.c.started_s,
            workers.c.proven_s, workers.c.version, workers.c.draining_s,
        )
        .where(workers.c.seen_s >= now_s - HOUR_S)
        .order_by(workers.c.id)
    )  # fmt: skip
    return tuple(
        WorkerLine(
            id=row.id,
            families=tuple(row.families),
            slots=row.slots,
            seen_ago_s=max(0.0, now_s - row.seen_s),
            living=row.seen_s >= now_s - SEEN_WITHIN_S,
            host=row.host.partition(":")[0],
            started_ago_s=max(0.0, now_s - row.started_s),
            proven=row.proven_s is not None,
            version=row.version,
            draining=row.draining_s is not None,
        )
        for row in rows
    )


def _pauses(connection: sa.Connection, now_s: float) -> tuple[PauseLine, ...]:
    found = sorted(load_pauses(connection).items())
    return tuple(
        PauseLine(family=family, priority=priority, paused_ago_s=max(0.0, now_s - pause.since_s), actor=pause.actor)
        for (family, priority), pause in found
    )


def ended_and_open_jobs(connection: sa.Connection, now_s: float) -> dict[str, int]:
    """Return how many jobs are open, and how many ended in the last hour, by state."""
    ended = _counted(
        connection,
        jobs.c.state,
        jobs.c.state.in_([state.value for state in FINAL_JOB]),
        jobs.c.finished_s >= now_s - HOUR_S,
    )
    open_now = _counted(connection, jobs.c.state, jobs.c.state.in_(["queued", "running"]))
    return {"open": sum(open_now.values())} | {state.value: ended.get(state.value, 0) for state in sorted(FINAL_JOB)}


def _webhooks(connection: sa.Connection, now_s: float) -> WebhookLine:
    waiting = outbox.c.state == MessageState.WAITING
    due_since_s = connection.scalar(
        sa.select(sa.func.min(outbox.c.next_attempt_s)).where(waiting, outbox.c.next_attempt_s <= now_s)
    )
    destinations = _counted(connection, webhook_destinations.c.state)
    return WebhookLine(
        waiting=sum(_counted(connection, outbox.c.state, waiting).values()),
        oldest_due_s=0.0 if due_since_s is None else now_s - due_since_s,
        failed=sum(_counted(connection, outbox.c.state, outbox.c.state == MessageState.FAILED).values()),
        disabled_destinations=destinations.get("disabled", 0),
        failing_destinations=destinations.get("failing", 0),
    )


def _counted(connection: sa.Connection, by: sa.Column[Any], *which: sa.ColumnElement[bool]) -> dict[str, int]:
    rows: Sequence[sa.Row] = connection.execute(sa.select(by, sa.func.count()).where(*which).group_by(by)).all()
    return {row[0]: row[1] for row in rows}
