"""The object store goes while several processes have work in hand: it pauses, and all ends by itself, once each."""

import pytest
import sqlalchemy as sa

from appliance.storage.tables import targets, work_items
from tests.cluster.conftest import Cluster, cluster_of, emptied
from tests.processes.conftest import eventually

PERILOUS = "appliance.testing.perilous_worker"
PACE_S = 0.3
JOBS = 12


@pytest.fixture
def on_s3(tmp_path, postgres_url, redis, s3_server):
    """An appliance of no processes yet, with its objects on the S3 server."""
    with cluster_of(tmp_path, postgres_url, redis.url, **s3_server.settings("goes-away")) as made:
        yield made
    emptied(postgres_url)


def test_work_in_hand_waits_for_the_object_store_and_spends_no_attempt(on_s3, s3_server):
    for _ in range(2):
        on_s3.start_module(PERILOUS, "all", str(PACE_S))
    on_s3.start_housekeeping()
    on_s3.start_api()
    on_s3.ready()
    jobs = [on_s3.submit(f"message {number}", "fr") for number in range(JOBS)]
    eventually(lambda: _items(on_s3, "claimed"), "work is in hand")

    s3_server.stop()
    try:
        refused = on_s3.upload("meanwhile", "fr")
        eventually(lambda: not _items(on_s3, "claimed"), "every worker has put down what it had")
        ended = _done(on_s3)
    finally:
        s3_server.start()

    assert (refused.status_code, refused.json()["code"]) == (503, "storage_unavailable")
    assert int(refused.headers["retry-after"]) >= 1
    assert ended < JOBS
    assert {on_s3.finished(job)["state"] for job in jobs} == {"done"}
    assert _done(on_s3) == JOBS
    assert max(attempts for _, attempts in _items(on_s3)) == 1
    assert on_s3.finished(on_s3.submit("afterwards", "fr"))["state"] == "done"


def _items(cluster: Cluster, *states: str) -> list[sa.Row]:
    query = sa.select(work_items.c.state, work_items.c.attempts)
    return cluster.rows(query.where(work_items.c.state.in_(states)) if states else query)


def _done(cluster: Cluster) -> int:
    (row,) = cluster.rows(sa.select(sa.func.count()).select_from(targets).where(targets.c.state == "done"))
    return row[0]
