"""The measurements by name, with what is demanded of each; a row's module is imported when it is run."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from appliance.bench.row import Demand, Row, not_run
from appliance.bench.timekeeper import Timekeeper
from appliance.errors import MeeshyError


@dataclass(frozen=True, slots=True)
class Measurement:
    """A row: `function` of `appliance.bench.rows.<module>` takes the lab, the row's name and its demand."""

    module: str
    function: str
    demand: Demand


MEASUREMENTS = {
    "single_encode": Measurement("single_encode", "single_encode", Demand(bound=1.35)),
    "mt_batch_one_core": Measurement("mt_batch", "one_core", Demand(bound=1.7)),
    "mt_batch_two_cores": Measurement("mt_batch", "two_cores", Demand(bound=1.5)),
    "pinned_pools": Measurement("pinned_pools", "pinned_pools", Demand(bound=2.0)),
    "cache_hit": Measurement("cache_hit", "cache_hit", Demand(bound=50.0)),
    "full_hit": Measurement("full_hit", "full_hit", Demand(bound=20.0, side="at_most_ms")),
    "new_language": Measurement("new_language", "new_language", Demand(bound=1.15)),
    "api_overhead": Measurement("api_overhead", "api_overhead", Demand(bound=1.05, side="most")),
    "burst": Measurement("burst", "burst", Demand(bound=1.7)),
    "first_audio": Measurement("first_audio", "kokoro", Demand(bound=2.3)),
    "xtts_first_audio": Measurement("first_audio", "xtts", Demand(bound=2.3)),
    "xtts_batch_four": Measurement("xtts_batch", "four", Demand(bound=2.0)),
    "xtts_batch_eight": Measurement("xtts_batch", "eight", Demand(bound=3.5)),
}


QUEUE_MEASUREMENTS = {
    "idle_pick_up": Measurement("idle_pick_up", "idle_pick_up", Demand(bound=40.0)),
    "urgent_behind_backlog": Measurement("urgent_behind_backlog", "urgent_behind_backlog", Demand(bound=10.0)),
    "latency_growth": Measurement("latency_growth", "latency_growth", Demand(bound=0.45, side="most")),
    "killed_worker": Measurement("killed_worker", "killed_worker", Demand(bound=10.0)),
    "two_workers": Measurement("two_workers", "two_workers", Demand(bound=1.7)),
    "jobs_per_second": Measurement("jobs_per_second", "jobs_per_second", Demand(bound=300.0, side="rate")),
    "first_request": Measurement("first_request", "first_request", Demand(bound=1.2, side="most")),
}
"""Of `meeshy bench queue`; their functions take a `QueueLab`."""


def measure(
    lab: Timekeeper,
    names: Sequence[str],
    done: Callable[[Row], None],
    measurements: Mapping[str, Measurement] = MEASUREMENTS,
) -> list[Row]:
    """Run the named measurements in the registry's order; one that cannot be made is reported and the next one runs."""
    rows = []
    for name, measurement in measurements.items():
        if name not in names:
            continue
        lab.say(name)
        run = getattr(importlib.import_module(f"appliance.bench.rows.{measurement.module}"), measurement.function)
        try:
            row = run(lab, name, measurement.demand)
        except MeeshyError as failure:
            row = not_run(name, measurement.demand, failure.detail)
        rows.append(row)
        done(row)
    return rows
