"""Metrics of the appliance as a whole, read from the database whenever they are fetched."""

import shutil
from collections.abc import Iterator

import sqlalchemy as sa
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from appliance.errors import StorageUnavailable
from appliance.gpus.records import last_readings
from appliance.jobs.admission import Admission
from appliance.jobs.items import FAMILIES
from appliance.jobs.pool_actions import recent_actions
from appliance.jobs.rates import load_speeds
from appliance.settings import Settings
from appliance.status.figures import Figures, read_figures
from appliance.status.gauges import gauge, gauges
from appliance.status.gpu_gauges import gpu_gauges
from appliance.status.openings import PRIORITIES, openings
from appliance.storage.database import Database

_QUEUE = ("family", "priority")


class FiguresCollector(Collector):
    """Gauges whose values every API process tells alike."""

    def __init__(self, database: Database, settings: Settings) -> None:
        """Read from this database, and look at the disk of the data folder."""
        self._database, self._settings = database, settings
        self._admission = Admission(database, settings)

    def describe(self) -> list[Metric]:
        """Return nothing, so that a registry does not read the database only to learn the names."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield the gauges; without the database, only those that need none."""
        folder = self._settings.data_dir
        free_bytes = shutil.disk_usage(folder).free if folder.exists() else 0
        yield gauge("disk_free_bytes", "Free space on the data folder's disk.", free_bytes)
        yield gauge("disk_reserve_bytes", "Free space that writing leaves.", self._settings.disk_reserve_bytes)
        try:
            read = list(self._read())
        except StorageUnavailable:
            yield gauge("database_up", "Whether the database answered.", 0)
            return
        yield gauge("database_up", "Whether the database answered.", 1)
        yield from read

    def _read(self) -> Iterator[Metric]:
        figures = read_figures(self._database)
        yield from _queue(figures)
        yield from _workers(figures)
        yield from _others(figures)
        with self._database.read() as connection:
            now_s = self._database.now_s(connection)
            yield from self._admissions(connection, now_s)
            yield gauges(
                "real_time_factor_ratio", "Seconds of a worker per second of recording.", ("family",),
                (([family], speed) for family, speed in sorted(load_speeds(connection).items())),
            )  # fmt: skip
            yield gauges(
                "pool_recent_actions", "What pools did within the last hour.", ("action",),
                (([action], count) for action, count in recent_actions(connection, now_s).items()),
            )  # fmt: skip
            yield from gpu_gauges(last_readings(connection, now_s))

    def _admissions(self, connection: sa.Connection, now_s: float) -> Iterator[Metric]:
        outlook = self._admission.look(connection, now_s)
        found = openings(connection, self._settings, outlook, now_s)
        yield gauges(
            "admission_open", "Whether a note of 5 s would be accepted.", ("priority",),
            (([str(each.priority)], float(each.accepts)) for each in found),
        )  # fmt: skip
        yield gauges(
            "admission_eta_seconds", "In how many seconds such a note would be done.", ("priority",),
            (([str(each.priority)], each.eta_s) for each in found),
        )  # fmt: skip


def _queue(figures: Figures) -> Iterator[Metric]:
    lines = [([line.family, str(line.priority)], line) for line in figures.queue]
    items = [
        ([*labels, state], count)
        for labels, line in lines
        for state, count in (("waiting", line.waiting), ("running", line.running))
    ]
    leases = [
        ([*labels, state], count)
        for labels, line in lines
        for state, count in (("held", line.running - line.lost), ("lost", line.lost))
    ]
    yield gauges("queue_items", "Work that has not ended.", (*_QUEUE, "state"), items)
    yield gauges("leases", "Leases that workers hold, and that are over.", (*_QUEUE, "state"), leases)
    yield gauges(
        "queue_overdue_items", "Work that waits past its deadline.", _QUEUE,
        ((labels, line.overdue) for labels, line in lines),
    )  # fmt: skip
    yield gauges(
        "queue_audio_seconds", "Recordings that wait.", _QUEUE, ((labels, line.audio_s) for labels, line in lines)
    )
    yield gauges(
        "queue_oldest_wait_seconds",
        "The longest wait.",
        _QUEUE,
        ((labels, line.oldest_wait_s) for labels, line in lines),
    )
    yield gauges(
        "lane_paused", "Whether an operator lets nobody take it.", _QUEUE,
        (
            ([family, str(priority)], float((family, priority) in figures.paused))
            for family in FAMILIES
            for priority in PRIORITIES
        ),
    )  # fmt: skip


def _workers(figures: Figures) -> Iterator[Metric]:
    living = [worker for worker in figures.workers if worker.living]
    of_family = {family: [worker for worker in living if family in worker.families] for family in FAMILIES}
    yield gauges(
        "workers", "Living workers for a family of work.", ("family", "state"),
        (
            ([family, state], sum(worker.draining == draining for worker in workers))
            for family, workers in of_family.items()
            for state, draining in (("taking", False), ("draining", True))
        ),
    )  # fmt: skip
    yield gauges(
        "worker_slots", "Batches that those that take work run side by side.", ("family",),
        (([family], sum(worker.slots for worker in workers if worker.taking)) for family, workers in of_family.items()),
    )  # fmt: skip


def _others(figures: Figures) -> Iterator[Metric]:
    yield gauge("jobs_open", "Jobs that have not ended.", figures.jobs["open"])
    webhooks = figures.webhooks
    yield gauge("outbox_pending", "Webhooks that wait for an attempt.", webhooks.waiting)
    yield gauge("outbox_oldest_due_seconds", "How long the first of them has been due.", webhooks.oldest_due_s)
    yield gauge("outbox_failed", "Webhooks that used up their schedule.", webhooks.failed)
    yield gauges(
        "webhook_destinations", "Destinations in trouble.", ("state",),
        ((["disabled"], webhooks.disabled_destinations), (["failing"], webhooks.failing_destinations)),
    )  # fmt: skip
    yield gauges(
        "housekeeping_last_run_timestamp_seconds", "When a duty was last done.", ("duty",),
        (([duty], record.at_s) for duty, record in sorted(figures.housekeeping.items())),
    )  # fmt: skip
