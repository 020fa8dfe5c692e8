"""Several APIs, workers by role, housekeeping: separate processes that share a database, Redis and an object store."""

import signal

import httpx
import sqlalchemy as sa

from appliance.storage.tables import targets, work_items
from tests.processes.conftest import eventually

PERILOUS = "appliance.testing.perilous_worker"
SLOW_S = "0.3"
"""A batch takes so long that a signal comes in its midst."""


def test_a_job_goes_through_workers_of_different_roles_and_is_seen_by_every_api(cluster):
    cluster.start_worker("whisper")
    cluster.start_worker("voice")
    cluster.start_api()
    cluster.start_api()
    cluster.ready()
    job = cluster.submit("good morning", "fr", "es", api=0)
    done = cluster.finished(job, api=1)
    assert (done["state"], {target["text"] for target in done["targets"]}) == (
        "done",
        {"fr:good morning", "es:good morning"},
    )
    workers = cluster.rows(sa.select(work_items.c.stage, work_items.c.worker_id).distinct())
    speakers = {worker for stage, worker in workers if stage == "synthesize"}
    assert len(speakers) == 1
    assert speakers.isdisjoint(worker for stage, worker in workers if stage != "synthesize")


def test_doorbells_alone_carry_a_job_through_all_workers(cluster):
    for role in ("whisper", "voice"):
        cluster.start_worker(role, poll_rings=False)
    cluster.start_api()
    cluster.ready()
    jobs = [cluster.submit(f"message {number}", "fr") for number in range(10)]
    assert {cluster.finished(job)["state"] for job in jobs} == {"done"}


def test_jobs_flow_without_redis(cluster, redis):
    for role in ("whisper", "voice"):
        cluster.start_worker(role)
    cluster.start_api()
    cluster.ready()
    redis.kill()
    try:
        jobs = [cluster.submit(f"message {number}", "fr") for number in range(5)]
        assert {cluster.finished(job)["state"] for job in jobs} == {"done"}
    finally:
        redis.start()


def test_a_killed_workers_jobs_are_done_by_another_each_once(cluster):
    victim = cluster.start_module(PERILOUS, "all", SLOW_S)
    cluster.start_api()
    cluster.ready()
    jobs = [cluster.submit(f"message {number}", "fr") for number in range(20)]
    eventually(lambda: in_hand(cluster), "it has work in hand")
    cluster.kill(victim)
    assert in_hand(cluster)
    cluster.start_worker()
    assert {cluster.finished(job)["state"] for job in jobs} == {"done"}
    assert cluster.rows(sa.select(sa.func.count()).select_from(targets).where(targets.c.state == "done")) == [(20,)]
    assert max(row.attempts for row in cluster.rows(sa.select(work_items.c.attempts))) == 2


def test_sigterm_lets_a_worker_finish_and_leave(cluster):
    worker = cluster.start_module(PERILOUS, "all", SLOW_S)
    cluster.start_api()
    cluster.ready()
    cluster.submit("good morning", "fr")
    held = eventually(lambda: in_hand(cluster), "it has work in hand")
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(30) == 0
    ended = sa.select(work_items.c.state, work_items.c.attempts).where(work_items.c.id == held[0].id)
    assert cluster.rows(ended) == [("done", 1)]


def in_hand(cluster):
    return cluster.rows(sa.select(work_items.c.id).where(work_items.c.state == "claimed"))


def test_it_is_ready_only_when_every_kind_of_work_has_a_worker(cluster):
    cluster.start_worker("voice")
    cluster.start_api()

    def told() -> dict | None:
        problem = httpx.get(f"{cluster.urls[0]}/health/ready").json()
        return problem if "hear" in problem.get("detail", "") else None

    assert eventually(told, "the missing kind is named")["code"] == "not_ready"
    cluster.start_worker("whisper")
    cluster.ready()
