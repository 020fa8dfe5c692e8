"""Which rows there are, and that one which cannot be measured does not end the others."""

from contextlib import nullcontext

import pytest

from appliance.bench import registry
from appliance.bench.lab import Lab
from appliance.bench.registry import MEASUREMENTS, QUEUE_MEASUREMENTS, Measurement, measure
from appliance.bench.rounds import QUICK
from appliance.bench.row import Demand
from appliance.catalog.store import ModelStore
from appliance.settings import Settings

DEMANDED = {
    "api_overhead": ("most", 1.05),
    "cache_hit": ("least", 50),
    "full_hit": ("at_most_ms", 20.0),
    "new_language": ("least", 1.15),
    "single_encode": ("least", 1.35),
    "mt_batch_one_core": ("least", 1.7),
    "mt_batch_two_cores": ("least", 1.5),
    "pinned_pools": ("least", 2.0),
    "burst": ("least", 1.7),
    "first_audio": ("least", 2.3),
    "xtts_first_audio": ("least", 2.3),
    "xtts_batch_four": ("least", 2.0),
    "xtts_batch_eight": ("least", 3.5),
}
QUEUE_DEMANDED = {
    "idle_pick_up": ("least", 40),
    "urgent_behind_backlog": ("least", 10),
    "latency_growth": ("most", 0.45),
    "killed_worker": ("least", 10),
    "two_workers": ("least", 1.7),
    "jobs_per_second": ("rate", 300),
    "first_request": ("most", 1.2),
}


@pytest.fixture
def lab_without_models(tmp_path) -> Lab:
    settings = Settings(data_dir=tmp_path / "data", models_dir=tmp_path / "models")
    return Lab(settings, ModelStore(settings), lambda _: nullcontext(), plan=QUICK)


@pytest.mark.parametrize(("measurements", "demanded"), [(MEASUREMENTS, DEMANDED), (QUEUE_MEASUREMENTS, QUEUE_DEMANDED)])
def test_the_demands_are_those_of_the_issues(measurements, demanded):
    assert {name: (row.demand.side, row.demand.bound) for name, row in measurements.items()} == demanded


def test_without_models_every_row_says_what_is_missing_and_the_next_one_runs(lab_without_models: Lab):
    seen = []

    rows = measure(lab_without_models, ["single_encode", "mt_batch_one_core", "pinned_pools"], seen.append)

    assert [row.name for row in rows] == ["single_encode", "mt_batch_one_core", "pinned_pools"]
    assert rows == seen
    assert {row.verdict for row in rows} == {"not_run"}
    assert all("models pull" in row.reason for row in rows)


def test_a_row_s_module_is_imported_only_when_it_is_asked_for(lab_without_models: Lab, monkeypatch):
    monkeypatch.setitem(MEASUREMENTS, "absent", Measurement("no_such_module", "run", Demand(bound=1)))

    assert measure(lab_without_models, [], lambda _: None) == []
    with pytest.raises(ModuleNotFoundError):
        measure(lab_without_models, ["absent"], lambda _: None)


def test_every_row_s_function_is_there():
    for measurement in (*MEASUREMENTS.values(), *QUEUE_MEASUREMENTS.values()):
        module = registry.importlib.import_module(f"appliance.bench.rows.{measurement.module}")
        assert callable(getattr(module, measurement.function))
