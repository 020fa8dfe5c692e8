"""`meeshy bench speed`: the appliance beside a script of the same engines, on the models of the preset."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from appliance.bench.lab import Lab, Running
from appliance.bench.machine import machine
from appliance.bench.registry import measure
from appliance.bench.report import Reporter
from appliance.bench.rounds import Plan
from appliance.catalog.store import ModelStore
from appliance.commands.client import api_key, appliance_at
from appliance.settings import Settings

WAIT_S = 300.0
"""How long a synchronous request of the bench waits: on a slow machine, a 202 would end a measurement early."""
REQUESTS_PER_MINUTE = 1_000_000
"""Counted as ever, and out of reach: a fast machine answers more than the default's 600 known requests in a minute."""


def measure_speed(
    settings: Settings, names: tuple[str, ...], plan: Plan, recordings: Path | None, reporter: Reporter
) -> dict[str, Any]:
    """Run these rows and return the facts that belong to them."""
    with tempfile.TemporaryDirectory(prefix="meeshy-bench-") as folder:
        own = settings.model_copy(
            update={
                "data_dir": Path(folder),
                "database_url": "",
                "sla_s": WAIT_S,
                # A request waits for what its plan promises, too; no plan promises less than a second.
                "sla_scale": WAIT_S,
                "requests_per_minute": REQUESTS_PER_MINUTE,
                "log_level": "warning",
            }
        )
        lab = Lab(
            settings=own,
            store=ModelStore(own),
            plan=plan,
            open_appliance=opened_appliance,
            say=reporter.say,
            recordings=recordings,
        )
        about = machine(lab.threads)
        reporter.begins(about)
        measure(lab, names, reporter.row)
    return {"machine": about}


@contextmanager
def opened_appliance(settings: Settings) -> Iterator[Running]:
    """Run `meeshy serve` on a free port with these settings for the length of the block."""
    with appliance_at(settings, lambda _: None) as url:
        yield Running(url, api_key(settings), settings)
