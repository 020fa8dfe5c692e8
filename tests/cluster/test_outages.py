"""Dependencies vanish and come back: what is answered meanwhile, and that everything goes on by itself."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest
import sqlalchemy as sa

from appliance.errors import StorageUnavailable
from appliance.storage.database import Database
from appliance.storage.patience import ANSWERING
from appliance.storage.tables import jobs, work_items
from tests.cluster.conftest import cluster_of
from tests.processes.conftest import eventually, scripted_wav
from tests.services import own_postgres as own_postgres

KEYED = (
    "/api/v1/health", "/api/v1/languages", "/api/v1/usage", "/api/v1/voice/history", "/api/v1/voice/stats",
    "/api/v1/voice/job/job_x", "/api/v1/voice/job/job_x/audio/fr", "/api/v1/voice/job/job_x/events", "/health/ready",
)  # fmt: skip
PROMISED_S = 2.0


@contextmanager
def stopped(postgres):
    postgres.stop()
    try:
        yield
    finally:
        postgres.start()


@contextmanager
def frozen(postgres):
    with postgres.frozen():
        yield


@pytest.fixture
def on_own_postgres(tmp_path, own_postgres, redis):
    """An appliance on a database server of its own."""
    with cluster_of(tmp_path, own_postgres.url, redis.url) as made:
        yield made


def asked(cluster, path):
    began_s = time.monotonic()
    response = httpx.get(
        f"{cluster.urls[0]}{path}", headers=cluster.headers, params={"user_id": "alice"}, timeout=30
    )  # fmt: skip
    return response, time.monotonic() - began_s


def sent(cluster, text):
    began_s = time.monotonic()
    return cluster.upload(text, "fr"), time.monotonic() - began_s


def require_refused(response):
    assert response.status_code == 503, response.text
    assert response.json()["code"] == "storage_unavailable"
    assert int(response.headers["retry-after"]) >= 1


@pytest.mark.parametrize(
    "within_s", [None, pytest.param(PROMISED_S, marks=pytest.mark.full)], ids=["at all", "as promised"]
)
@pytest.mark.parametrize("outage", [stopped, frozen])
def test_without_the_database_every_route_says_so_soon_and_all_heals_alone(
    on_own_postgres, own_postgres, outage, within_s, record_testsuite_property
):
    """`within_s` is asked for where the machine is the test's alone."""
    cluster = on_own_postgres
    api, worker = cluster.start_api(), cluster.start_worker()
    housekeeping = cluster.start_housekeeping()
    cluster.ready()
    before = cluster.submit("before", "fr")
    assert cluster.finished(before)["state"] == "done"
    cut_off = cluster.submit("in the midst of it", "fr")
    with outage(own_postgres):
        answers = [*(asked(cluster, path) for path in KEYED), sent(cluster, "meanwhile")]
        with ThreadPoolExecutor(24) as clients:
            answers += clients.map(lambda number: asked(cluster, KEYED[number % len(KEYED)]), range(48))
        assert asked(cluster, "/health/live")[0].status_code == 200
    for response, _ in answers:
        require_refused(response)
    slowest_s = max(took_s for _, took_s in answers)
    record_testsuite_property(f"slowest answer, {outage.__name__} database, s", round(slowest_s, 2))
    assert within_s is None or slowest_s <= within_s
    eventually(lambda: asked(cluster, "/health/ready")[0].status_code == 200, "it is ready again")
    assert cluster.finished(cut_off)["state"] == "done"
    assert cluster.finished(cluster.submit("afterwards", "fr"))["state"] == "done"
    assert cluster.rows(sa.select(sa.func.count()).select_from(jobs)) == [(3,)]
    assert [process.poll() for process in (api, worker, housekeeping)] == [None, None, None]


@pytest.mark.full
def test_a_frozen_database_is_told_within_the_time_that_is_promised(on_own_postgres, own_postgres):
    cluster = on_own_postgres
    cluster.start_api()
    cluster.start_worker()
    cluster.ready()
    with own_postgres.frozen():
        slowest_s = max(asked(cluster, "/api/v1/languages")[1] for _ in range(10))
    assert slowest_s <= PROMISED_S


def test_work_in_hand_waits_for_the_database_and_spends_no_attempt(tmp_path, own_postgres, redis):
    # With leases that outlast the outage: otherwise others may have finished the work before its attempt is forgiven.
    with cluster_of(tmp_path, own_postgres.url, redis.url, lease_s=60.0) as cluster:
        for _ in range(2):
            cluster.start_module("appliance.testing.perilous_worker", "all", "0.3")
        cluster.start_housekeeping()
        cluster.start_api()
        cluster.ready()
        submitted = [cluster.submit(f"message {number}", "fr") for number in range(8)]
        in_hand = sa.select(work_items.c.id).where(work_items.c.state == "claimed")
        for _ in range(3):
            eventually(lambda: cluster.rows(in_hand) or finished(cluster), "work is in hand")
            with stopped(own_postgres):
                # The batches in hand end meanwhile, and nobody can write down what came of them.
                time.sleep(1.0)
        assert {cluster.finished(job)["state"] for job in submitted} == {"done"}
        assert max(row.attempts for row in cluster.rows(sa.select(work_items.c.attempts))) == 1
        assert "left until the database is back" in (cluster.settings.data_dir / "test.log").read_text()


def finished(cluster):
    return not cluster.rows(sa.select(jobs.c.id).where(jobs.c.finished_s.is_(None)))


def test_a_statement_that_is_slow_is_waited_for_and_one_that_hangs_is_not(own_postgres):
    database = Database(own_postgres.url, patience=ANSWERING)
    with database.read() as connection:
        assert connection.scalar(sa.text("SELECT 1 FROM pg_sleep(2)")) == 1
    with pytest.raises(StorageUnavailable), database.read() as connection, own_postgres.frozen():
        connection.scalar(sa.text("SELECT 1"))
    eventually(lambda: answers(database), "it answers again", 10.0)
    database.close()


def test_who_stands_still_in_a_transaction_does_not_keep_its_locks(own_postgres):
    patience = type(ANSWERING)(idle_s=0.5)
    holder, waiter = Database(own_postgres.url, patience=patience), Database(own_postgres.url)
    lock = sa.text("SELECT pg_advisory_xact_lock(1)")
    with pytest.raises(StorageUnavailable), holder.write() as held:
        held.execute(lock)
        with waiter.write() as waiting:
            waiting.execute(lock)
        held.execute(sa.select(1))
    holder.close()
    waiter.close()


def answers(database):
    try:
        with database.read() as connection:
            return connection.scalar(sa.select(1)) == 1
    except StorageUnavailable:
        return False


def test_on_a_full_disk_nothing_new_is_taken_and_what_is_there_is_served(cluster):
    cluster.start_api()
    cluster.start_worker()
    cluster.ready()
    done = cluster.submit("good morning", "fr")
    assert cluster.finished(done)["state"] == "done"
    cluster.start_api(disk_reserve_bytes=1 << 60)
    full = cluster.urls[1]

    def ask(method, path, **more):
        return httpx.request(method, f"{full}{path}", headers=cluster.headers, timeout=30, **more)

    def send(text):
        return ask(
            "POST", "/api/v1/voice/translate/async", data={"user_id": "alice", "target_langs": "fr", "consent": "true"},
            files={"audio": ("note.wav", scripted_wav(text))},
        )  # fmt: skip

    require_refused(send("something new"))
    assert send("good morning").json()["cached"]
    audio = ask("GET", f"/api/v1/voice/job/{done}/audio/fr", params={"user_id": "alice"})
    assert (audio.status_code, len(audio.content) > 0) == (200, True)
    assert cluster.rows(sa.select(sa.func.count()).select_from(jobs)) == [(2,)]
