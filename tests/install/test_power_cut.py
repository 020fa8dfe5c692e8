"""The power goes while jobs are in work, and comes back."""

import json
import time

import pytest

from tests.install.client import Client

pytestmark = [pytest.mark.install, pytest.mark.full, pytest.mark.timeout(1800)]
JOBS = 6
OPEN = (
    "runuser", "--user=postgres", "--", "psql", "-XAt", "--port=5432", "--dbname=meeshy",
    "--command=SELECT count(*) FROM jobs WHERE state IN ('queued', 'running')",
)  # fmt: skip
PATIENCE_S = 180.0


def test_no_accepted_job_is_lost_and_everything_comes_back_by_itself(box, network, installed, place, figures):
    client = Client(network, box, place)
    jobs = client.ask("submit", client.note, JOBS)
    assert int(box.run(*OPEN).stdout) > 0, "all of them were done before the power went"

    box.cut_power()
    on_s = time.monotonic()
    box.start()
    assert client.ask("wait", PATIENCE_S) is not None
    back_s = time.monotonic() - on_s

    assert len(jobs) == JOBS
    assert set(client.ask("follow", json.dumps(jobs)).values()) == {"done"}
    assert box.run("systemctl", "--failed", "--no-legend").stdout == ""
    figures.append(f"ready {back_s:.0f} s after the power came back")
