"""docs/metrics.md names every metric with its labels, every alert and nothing else; names follow Prometheus' rules."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.settings import Settings
from appliance.status.collector import FiguresCollector
from appliance.storage.database import Database
from appliance.storage.migrate import migrate
from appliance.telemetry.metrics import Metrics
from tests.ansible_code import load

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/metrics.md"
UNITS = ("seconds", "bytes", "ratio", "celsius", "watts", "info")
OTHER_UNITS = r"_(ms|millis\w*|minutes?|hours?|days|kb|mb|gb|kib|mib|gib|percent|mhz|milliwatts|fahrenheit)(_|$)"
WITHOUT_UNIT = {
    "admission_open", "jobs_open", "queue_items", "queue_overdue_items", "leases", "workers", "worker_slots",
    "batch_items", "lane_paused", "pool_recent_actions", "outbox_pending", "outbox_failed", "webhook_destinations",
    "housekeeping_found", "database_up", "gpu_driver_up", "gpu_up", "gpu_ecc_errors",
}  # fmt: skip
"""Counts of things, and what is 0 or 1."""
LABELS = {
    "version", "route", "method", "status", "code", "priority", "state", "outcome", "verdict", "voice", "family",
    "cause", "certificate", "what", "level", "kind", "duty", "action", "node", "gpu", "mig", "name", "profile",
}  # fmt: skip
"""All that there are. Which values they have is looked at in what processes tell: tests/telemetry/test_labels.py."""


@pytest.fixture
def metrics(tmp_path: Path) -> Iterator[dict[str, set[str]]]:
    """Every metric that the code has, with its labels."""
    registry = Metrics().registry
    database = Database(f"sqlite:///{tmp_path / 'empty.sqlite3'}")
    migrate(database)
    collector = FiguresCollector(database, Settings(data_dir=tmp_path))
    ours = [
        each
        for each, names in registry._collector_to_names.items()
        if any(name.startswith("meeshy_") for name in names)
    ]
    counted = {_full_name(each._type, each._name): set(each._labelnames) for each in ours}
    yield counted | {family.name: set(family._labelnames) for family in collector.collect()} | of_machines()
    database.close()


def of_machines() -> dict[str, set[str]]:
    """Return what an installation's machines tell beside the product."""
    text = load("roles/monitoring/files/certificate_ends.py").TEXT
    names = re.findall(r"^# TYPE (\w+) gauge$", text, re.MULTILINE)
    return {name: {"certificate"} if "_end_" in name else set() for name in names}


def test_every_metric_is_documented_once_with_its_labels_and_nothing_else_is(metrics):
    rows = re.findall(r"^\| `(meeshy_\w+)` \| (.*?) ?\| ", DOCUMENT.read_text(), re.MULTILINE)
    assert len(rows) == len({name for name, _ in rows})
    assert {name: set(filter(None, labels.split(", "))) for name, labels in rows} == metrics


def test_every_name_has_the_prefix_and_a_base_unit_or_counts_something(metrics):
    assert len(metrics) > 50
    for name in metrics:
        bare = name.removeprefix("meeshy_").removesuffix("_total")
        assert re.fullmatch(r"meeshy_[a-z][a-z0-9_]*", name), name
        assert not re.search(OTHER_UNITS, name), name
        assert name.endswith("_total") or bare.endswith(UNITS) or bare in WITHOUT_UNIT, name


def test_every_label_is_one_of_those_that_are_known_to_have_few_values(metrics):
    assert set().union(*metrics.values()) == LABELS


def _full_name(kind: str, name: str) -> str:
    return f"{name}_total" if kind == "counter" else name
