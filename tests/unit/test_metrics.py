"""What is counted of transactions: what was committed, once, and nothing else."""

import pytest
import sqlalchemy as sa

from appliance.storage.database import Database
from appliance.telemetry.metrics import Metrics
from appliance.telemetry.noting import note


@pytest.fixture
def database(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'test.sqlite3'}")
    yield database
    database.close()


def test_a_note_counts_when_its_transaction_is_committed_and_not_when_it_is_taken_back(database):
    metrics = Metrics()
    metrics.count_commits_of(database.engine)
    with pytest.raises(ZeroDivisionError), database.write() as connection:
        note(connection, "jobs_finished", "done")
        note(connection, "stale_fences")
        1 / 0  # noqa: B018
    with database.write() as connection:
        note(connection, "jobs_finished", "done")
        note(connection, "stale_fences", value=2)
        note(connection, "queue_wait_s", "hear", value=2.0)
    with database.write() as connection:
        connection.execute(sa.text("SELECT 1"))
    value = metrics.registry.get_sample_value
    assert value("meeshy_jobs_finished_total", {"state": "done"}) == 1
    assert value("meeshy_stale_fences_total") == 2
    assert value("meeshy_queue_wait_seconds_sum", {"family": "hear"}) == 2.0


def test_where_nobody_counts_a_note_is_dropped(database):
    with database.write() as connection:
        note(connection, "jobs_finished", "done")
        assert "meeshy_notes" not in connection.info


def test_a_method_or_an_address_that_a_client_made_up_is_no_label():
    metrics = Metrics()
    metrics.answered("", "MALLORY", 404, 0.001, None)
    labels = {"route": "unmatched", "method": "other", "status": "4xx"}
    assert metrics.registry.get_sample_value("meeshy_http_requests_total", labels) == 1
    assert b"MALLORY" not in metrics.text()


def test_two_processes_worth_of_metrics_do_not_share_anything():
    one, other = Metrics(), Metrics()
    one.answered("/health/live", "GET", 200, 0.001, None)
    labels = {"route": "/health/live", "method": "GET", "status": "2xx"}
    assert one.registry.get_sample_value("meeshy_http_requests_total", labels) == 1
    assert other.registry.get_sample_value("meeshy_http_requests_total", labels) is None
