"""`meeshy bench queue` as its user runs it, on real servers; no claim about how fast this machine is."""

import json
import os
import subprocess
import sys

import pytest

from appliance.testing.postgres import postgres_programs
from appliance.testing.redis_server import redis_program
from tests.services import needed

ROWS = ("idle_pick_up", "urgent_behind_backlog", "latency_growth", "two_workers", "jobs_per_second", "first_request")
"""All but the one that waits a minute for stock Dramatiq."""
SOME = ("idle_pick_up", "urgent_behind_backlog")

pytestmark = pytest.mark.timeout(1200)


@pytest.fixture(scope="module", params=[SOME, pytest.param(ROWS, marks=pytest.mark.full)], ids=["some", "all"])
def rows(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """The rows that are asked for: all of them take minutes."""
    return request.param


@pytest.fixture(scope="module")
def report(rows: tuple[str, ...]) -> dict:
    needed(postgres_programs(), "PostgreSQL", "Debian: postgresql")
    needed(redis_program(), "Redis", "Debian: redis-server")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MEESHY_")}
    chosen = [word for row in rows for word in ("--only", row)]
    done = subprocess.run(
        [sys.executable, "-m", "appliance.cli", "bench", "queue", "--json", "--quick", *chosen],
        env=environment, capture_output=True, text=True, timeout=1000, check=False,
    )  # fmt: skip
    # 1 is a demand that this machine did not meet: still a report.
    assert done.returncode in (0, 1) and done.stdout, done.stderr
    return json.loads(done.stdout)


def test_every_row_that_was_asked_for_was_measured(report, rows):
    assert {row["name"] for row in report["rows"]} == set(rows)
    for row in report["rows"]:
        assert row["verdict"] != "not_run", row["reason"]
        assert min(row["ratio"], row["a"], row["b"], row["control"]) > 0
        assert row["rounds"] == 2


def test_every_job_of_every_run_ended_with_the_right_audio(report):
    details = {row["name"]: row["check"]["detail"] for row in report["rows"]}
    assert "all of 8 + 1 jobs have the right audio" in details.pop("urgent_behind_backlog")
    for name, detail in details.items():
        done, _, of, *_ = detail.split()
        assert done == of.rstrip(",") and int(done) > 0, f"{name}: {detail}"


def test_machine_servers_and_seed_are_named(report):
    assert report["machine"]["cores"] == os.cpu_count()
    assert set(report["machine"]["servers"]) == {"postgresql", "redis"}
    assert report["machine"]["runtimes"]["dramatiq"]
    assert isinstance(report["seed"], int)
