"""Snapshots: everything that the console's first screens show, made once per interval however many read it."""

import socket
import time
from collections.abc import Mapping

import msgspec
import sqlalchemy as sa

from appliance import __version__
from appliance.admin.dead_letters import dead_in_lanes
from appliance.admin.figures import load_recent_figures
from appliance.admin.fitting import fitted
from appliance.admin.gpus import load_gpus
from appliance.admin.happenings import load_events
from appliance.admin.lanes import Attained, Looks, Work, load_attainment, load_lanes, load_work
from appliance.admin.live_types import (
    INTERVAL_S,
    SCHEMA,
    STALE_S,
    Attention,
    CacheLevel,
    Findings,
    Health,
    Housekeeping,
    JobCounts,
    Rates,
    Snapshot,
    StageLatency,
    Webhooks,
)
from appliance.admin.quality import load_quality, worse_first
from appliance.admin.quality_types import Quality
from appliance.admin.workers import load_workers
from appliance.clock import Clock
from appliance.jobs.items import FAMILIES
from appliance.jobs.lanes import LaneKey
from appliance.jobs.registry import unserved_families
from appliance.settings import Settings
from appliance.status.report import Report, make_report
from appliance.storage.database import Database
from appliance.storage.tables import workers

QUALITY_EVERY_S = 60.0
REPORT_EVERY_S = 15.0
"""It asks Redis and the object store too, which may take seconds to be found away."""
FIGURES_EVERY_S = 10.0
"""As long as the steps that figures are put together from: to add these up is nearly half of what a picture costs."""
WORK_SHARE = 0.001
"""Of one core at most, for looks at what waits: SQLite counts 10,000 items in 8 ms, which would be four times that."""
WORK_EVERY_MOST_S = 10.0


class _Slow(msgspec.Struct, kw_only=True):
    """What is not computed for every snapshot, with the times of that by the process's own clock."""

    quality: Quality = Quality()
    quality_s: float = float("-inf")
    report: Report | None = None
    report_s: float = float("-inf")
    work: Mapping[LaneKey, Work] = {}
    work_s: float = float("-inf")
    work_took_s: float = 0.0
    work_every_s: float = 0.0
    attained: Mapping[int, Attained] = {}
    dead: Mapping[LaneKey, int] = {}
    latency: tuple[StageLatency, ...] = ()
    caches: tuple[CacheLevel, ...] = ()
    rates: Rates = Rates()
    figures_s: float = float("-inf")


class Snapshots:
    """One process's snapshots; `make` is called by one thread at a time."""

    def __init__(self, database: Database, settings: Settings, clock: Clock) -> None:
        """Read from this database."""
        self._database, self._settings, self._clock = database, settings, clock
        self._began_s = clock.monotonic_s()
        self._slow = _Slow()
        self._sequence = 0

    def make(self) -> Snapshot:
        """Return the appliance as it is now, or raise StorageUnavailable."""
        self._refresh_slow()
        slow, at_s = self._slow, self._clock.monotonic_s()
        with self._database.read() as connection:
            now_s = self._database.now_s(connection)
            shown, left_out = load_workers(connection, now_s)
            gpus = load_gpus(connection, now_s)
            # Of milliseconds, so that those of another process behind the same address go on where these ended.
            self._sequence = max(self._sequence + 1, int(now_s * 1000))
            return Snapshot(
                schema=SCHEMA,
                sequence=self._sequence,
                server_time_s=round(now_s, 3),
                version=__version__,
                site=socket.gethostname(),
                up_s=round(at_s - self._began_s, 1),
                lanes=load_lanes(connection, self._settings, now_s, self._looks(connection, at_s, now_s)),
                workers=shown,
                workers_left_out=left_out,
                gpus=gpus.told,
                gpus_left_out=gpus.left_out,
                gpu_hosts=gpus.hosts,
                gpu_hosts_left_out=gpus.hosts_left_out,
                latency=slow.latency,
                caches=slow.caches,
                quality=msgspec.structs.replace(slow.quality, age_s=round(at_s - slow.quality_s, 1)),
                rates=slow.rates,
                jobs=_jobs(slow.report),
                events=load_events(connection, now_s),
                findings=_findings(connection, slow, now_s),
            )

    def make_encoded(self) -> tuple[int, bytes]:
        """Return the sequence and the JSON of the appliance as it is now."""
        snapshot = fitted(self.make())
        return snapshot.sequence, msgspec.json.encode(snapshot)

    def _looks(self, connection: sa.Connection, at_s: float, now_s: float) -> Looks:
        """Return what lanes are told by; of a queue that takes long to count, as it was some seconds ago."""
        slow = self._slow
        if at_s - slow.work_s >= slow.work_every_s:
            began_s = time.thread_time()
            slow.work, slow.work_s = load_work(connection, now_s), at_s
            took_s, before_s = time.thread_time() - began_s, slow.work_took_s
            # Of two looks the shorter: the first is made ready besides, and any may be held up once.
            every_s, slow.work_took_s = min(took_s, before_s) / WORK_SHARE, took_s
            slow.work_every_s = 0.0 if every_s <= INTERVAL_S else min(every_s, WORK_EVERY_MOST_S)
        return Looks(work=slow.work, attained=slow.attained, dead=slow.dead)

    def _refresh_slow(self) -> None:
        slow, at_s = self._slow, self._clock.monotonic_s()
        if at_s - slow.report_s >= REPORT_EVERY_S:
            slow.report, slow.report_s = make_report(self._settings, self._database, FAMILIES), at_s
        quality_due = at_s - slow.quality_s >= QUALITY_EVERY_S
        figures_due = at_s - slow.figures_s >= FIGURES_EVERY_S
        if not (quality_due or figures_due):
            return
        with self._database.read() as connection:
            now_s = self._database.now_s(connection)
            if quality_due:
                slow.quality, slow.quality_s = load_quality(connection, now_s, order=worse_first), at_s
            if figures_due:
                recent = load_recent_figures(connection, now_s)
                slow.latency, slow.caches, slow.rates = recent.latencies(), recent.caches(), recent.rates()
                slow.dead, slow.attained = dead_in_lanes(connection), load_attainment(connection, now_s)
                slow.figures_s = at_s


def _jobs(report: Report | None) -> JobCounts:
    return JobCounts(**report.figures.jobs) if report and report.figures else JobCounts()


def _findings(connection: sa.Connection, slow: _Slow, now_s: float) -> Findings:
    living = workers.c.seen_s >= now_s - STALE_S
    spoken = connection.scalar(sa.select(workers.c.id).where(living, workers.c.proven_s.is_not(None)).limit(1))
    report, figures = slow.report, slow.report.figures if slow.report else None
    failed = sorted(name for name, record in figures.housekeeping.items() if record.error) if figures else ()
    return Findings(
        health=tuple(
            Health(part=name, state=part.state, says=part.says)
            for name, part in (report.health if report else {}).items()
        ),
        attention=tuple(
            Attention(figure=each.figure, says=each.says, do=each.do) for each in (report.attention if report else ())
        ),
        unserved=tuple(unserved_families(connection, now_s - STALE_S)),
        spoken_since_start=spoken is not None,
        housekeeping=Housekeeping(last_ago_s=figures.housekeeping_ago_s if figures else None, failed=tuple(failed)),
        webhooks=Webhooks(**msgspec.structs.asdict(figures.webhooks)) if figures else Webhooks(),
        dead=sum(slow.dead.values()),
    )
