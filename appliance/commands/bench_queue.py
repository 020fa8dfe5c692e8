"""`meeshy bench queue`: the queue beside stock Dramatiq, on servers of its own, with scripted engines."""

import tempfile
from pathlib import Path
from typing import Any

from appliance.bench.machine import host
from appliance.bench.queue.lab import QueueLab, opened_servers
from appliance.bench.registry import QUEUE_MEASUREMENTS, measure
from appliance.bench.report import Reporter
from appliance.bench.rounds import Plan
from appliance.commands.child_environment import child_environment
from appliance.settings import Settings

SEED = 3
"""Of the pauses between jobs; printed with the report."""
RUNTIMES = ("dramatiq", "redis", "sqlalchemy", "psycopg")


def measure_queue(settings: Settings, names: tuple[str, ...], plan: Plan, reporter: Reporter) -> dict[str, Any]:
    """Run these rows and return the facts that belong to them; CommandFailed where a server is not installed."""
    with tempfile.TemporaryDirectory(prefix="meeshy-bench-") as folder, opened_servers() as servers:
        about = host(RUNTIMES) | {"servers": servers.versions()}
        reporter.begins(about, f"seed {SEED}")
        lab = QueueLab(
            settings=settings.model_copy(
                update={"data_dir": Path(folder), "s3_endpoint": "", "metrics_port": 0, "log_level": "warning"}
            ),
            servers=servers,
            environment=child_environment,
            seed=SEED,
            plan=plan,
            say=reporter.say,
            others_s=servers.others_s(),
        )
        measure(lab, names, reporter.row, QUEUE_MEASUREMENTS)
    return {"machine": about, "seed": SEED}
