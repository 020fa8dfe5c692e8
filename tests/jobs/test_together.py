"""What happens when transactions meet: PostgreSQL runs them side by side, SQLite one after the other."""

import threading
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress

import pytest
import sqlalchemy as sa

from appliance.errors import AlreadyFinished
from appliance.jobs.cancel import cancel_job
from appliance.jobs.claims import Claims, end_items
from appliance.jobs.endings import Ending, end_targets, settle_followers
from appliance.jobs.locks import hold_jobs
from appliance.jobs.outcomes import Outcome, write_outcomes
from appliance.jobs.reconcile import reconcile
from appliance.jobs.states import FINAL_JOB, ItemState, TargetState
from appliance.owner import Owner
from appliance.stages.progress import Progress
from appliance.storage.tables import targets, work_items
from appliance.workers.roles import BATCH_LIMITS


def test_one_idempotency_key_sent_eight_times_at_once_is_one_job(bench):
    with ThreadPoolExecutor(8) as threads:
        jobs = list(threads.map(lambda _: bench.submit("good morning", "fr", key="k1"), range(8)))
    assert len({job.id for job in jobs}) == 1


def test_two_reconcilers_plan_a_deserted_target_once(bench):
    for number in range(20):
        bench.submit(f"message {number}", "fr")
    with bench.database.write() as connection:
        connection.execute(work_items.delete())
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: reconcile(bench.database, 3), range(4)))
    with bench.rows() as rows:
        assert rows.scalar(sa.select(sa.func.count()).select_from(work_items)) == 20


def test_a_cancellation_and_a_stage_that_commits_do_not_wait_for_each_other(bench):
    job = bench.submit("good morning", "fr")
    bench.worker()._run(Claims(bench.database, "w1", 10).claim({"hear": 1}))
    (item,) = Claims(bench.database, "w1", 10).claim(BATCH_LIMITS)
    outcome = Outcome(item=item, target={"progress": Progress()})
    completed = threading.Event()

    def cancel():
        completed.wait()
        return cancel_job(bench.database, job.owner, job.id).state

    with ThreadPoolExecutor(1) as threads:
        cancelled = threads.submit(cancel)
        with bench.database.write() as connection:
            assert write_outcomes(connection, [outcome], bench.clock.now_s()) == {item.id}
            completed.set()
            blocked = until_somebody_waits(bench.database)
            connection.execute(sa.update(targets).where(targets.c.id == item.target_id).values(progress=None))
        assert cancelled.result(timeout=10) == "cancelled"
    assert blocked or bench.database.is_sqlite
    with bench.database.write() as connection:
        assert write_outcomes(connection, [outcome], bench.clock.now_s()) == set()


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_lease_is_not_renewed_where_its_item_is_just_being_ended(bench):
    for number in range(3):
        bench.submit(f"message {number}", "fr")
    claims = Claims(bench.database, "w1", 10)
    items = claims.claim(BATCH_LIMITS)
    with ThreadPoolExecutor(1) as threads, bench.database.write() as connection:
        assert end_items(connection, items[1:], ItemState.DONE) == {item.id for item in items[1:]}
        bench.clock.advance(5)
        threads.submit(claims.renew, items).result(timeout=10)
    with bench.rows() as rows:
        leases = {row.id: row.lease_until_s for row in rows.execute(sa.select(work_items))}
    assert leases == {items[0].id: bench.clock.now_s() + 10, items[1].id: None, items[2].id: None}


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_follower_whose_job_is_somebody_elses_is_settled_in_the_next_round(bench):
    leader, follower = bench.submit("good morning", "fr"), bench.submit("good morning", "fr")
    now_s = bench.clock.now_s()
    with bench.database.write() as other:
        hold_jobs(other, [follower.id])
        with bench.database.write() as connection:
            assert end_targets(connection, [Ending(leader.targets[0].id, TargetState.FAILED)], now_s)
            assert settle_followers(connection, [leader.targets[0].id], now_s) == 0
    assert bench.get(leader).state == "failed"
    assert bench.get(follower).state == "running"
    assert bench.reconcile().settled == 1
    assert bench.get(follower).state == "failed"


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_batches_cancellations_submissions_and_reconcilers_never_dead_lock(bench):
    bench.settings = bench.settings.model_copy(update={"attempts": 100})
    submitted, ended = [], threading.Event()

    def submit(user: int) -> None:
        for number in range(40):
            # Every text twice and in two languages: jobs of one batch follow each other.
            text = f"message {number // 2}"
            submitted.append(bench.submit(text, "fr", "es", owner=Owner("app", f"u{user}")))

    def work(name: str) -> None:
        worker = bench.worker(name)
        while not ended.is_set():
            worker.run_until_idle()

    def put_right() -> None:
        while not ended.is_set():
            bench.reconcile()

    def cancel() -> None:
        for number in range(30):
            while len(submitted) <= 3 * number:
                pass
            job = submitted[3 * number]
            if bench.get(job).state not in FINAL_JOB:
                try_to_cancel(bench, job)

    before = deadlocks(bench.database)
    with ThreadPoolExecutor(8) as threads:
        loops = [threads.submit(work, f"w{n}") for n in range(3)] + [threads.submit(put_right)]
        wait([threads.submit(submit, user) for user in range(3)] + [threads.submit(cancel)])
        while any(bench.get(job).state not in FINAL_JOB for job in submitted):
            pass
        ended.set()
    for loop in loops:
        loop.result()
    assert deadlocks(bench.database) == before
    assert {bench.get(job).state for job in submitted} == {"done", "cancelled"}


def try_to_cancel(bench, job):
    """Cancel a job that may end at this very moment."""
    with suppress(AlreadyFinished):
        cancel_job(bench.database, job.owner, job.id)


def deadlocks(database):
    """Return how many transactions PostgreSQL has ended because they waited for each other."""
    with database.read() as connection:
        connection.execute(sa.text("SELECT pg_stat_force_next_flush()"))
    with database.read() as connection:
        return connection.scalar(sa.text("SELECT sum(deadlocks) FROM pg_stat_database"))


def until_somebody_waits(database):
    """Return whether another PostgreSQL session came to wait for a lock; SQLite's waits outside the server's sight."""
    if database.is_sqlite:
        return False
    waiting = sa.text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    for _ in range(2000):
        with database.read() as connection:
            if connection.scalar(waiting):
                return True
    return False
