"""Metrics of the appliance as a whole, read from the database whenever they are fetched."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from appliance.errors import StorageUnavailable
from appliance.status.figures import Figures, read_figures
from appliance.storage.database import Database

_QUEUE = ("family", "priority")


class FiguresCollector(Collector):
    """Gauges whose values every API process tells alike."""

    def __init__(self, database: Database, data_dir: Path) -> None:
        """Read from this database, and look at the disk of this folder."""
        self._database, self._data_dir = database, data_dir

    def describe(self) -> list[Metric]:
        """Return nothing, so that a registry does not read the database only to learn the names."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield the gauges; without the database, only those that need none."""
        free_bytes = shutil.disk_usage(self._data_dir).free if self._data_dir.exists() else 0
        yield _gauge("disk_free_bytes", "Free space on the data folder's disk.", free_bytes)
        try:
            figures = read_figures(self._database)
        except StorageUnavailable:
            yield _gauge("database_up", "Whether the database answered.", 0)
            return
        yield _gauge("database_up", "Whether the database answered.", 1)
        yield from _queue(figures)
        yield from _others(figures)


def _queue(figures: Figures) -> Iterator[Metric]:
    items = GaugeMetricFamily("meeshy_queue_items", "Work that has not ended.", labels=[*_QUEUE, "state"])
    overdue = GaugeMetricFamily("meeshy_queue_overdue_items", "Work that waits past its deadline.", labels=_QUEUE)
    audio = GaugeMetricFamily("meeshy_queue_audio_seconds", "Recordings that wait.", labels=_QUEUE)
    oldest = GaugeMetricFamily("meeshy_queue_oldest_wait_seconds", "The longest wait.", labels=_QUEUE)
    for line in figures.queue:
        labels = [line.family, str(line.priority)]
        items.add_metric([*labels, "waiting"], line.waiting)
        items.add_metric([*labels, "running"], line.running)
        overdue.add_metric(labels, line.overdue)
        audio.add_metric(labels, line.audio_s)
        oldest.add_metric(labels, line.oldest_wait_s)
    yield from (items, overdue, audio, oldest)


def _others(figures: Figures) -> Iterator[Metric]:
    living = GaugeMetricFamily("meeshy_workers", "Living workers that take a family of work.", labels=["family"])
    families = sorted({family for worker in figures.workers for family in worker.families})
    for family in families:
        living.add_metric([family], sum(family in worker.families for worker in figures.workers if worker.living))
    yield living
    webhooks = figures.webhooks
    yield _gauge("outbox_pending", "Webhooks that wait for an attempt.", webhooks.waiting)
    yield _gauge("outbox_oldest_due_seconds", "How long the first of them has been due.", webhooks.oldest_due_s)
    last = GaugeMetricFamily(
        "meeshy_housekeeping_last_run_timestamp_seconds", "When a duty was last done.", labels=["duty"]
    )
    for duty, record in sorted(figures.housekeeping.items()):
        last.add_metric([duty], record.at_s)
    yield last


def _gauge(name: str, says: str, value: float) -> Metric:
    return GaugeMetricFamily(f"meeshy_{name}", says, value=value)
