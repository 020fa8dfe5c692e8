"""What happens when transactions meet: PostgreSQL runs them side by side, SQLite one after the other."""

import threading
from concurrent.futures import ThreadPoolExecutor

import sqlalchemy as sa

from appliance.jobs.cancel import cancel_job
from appliance.jobs.claims import Claims, Stale, complete
from appliance.jobs.reconcile import reconcile
from appliance.stages.progress import Progress, save_progress
from appliance.storage.tables import work_items
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
    completed = threading.Event()

    def cancel():
        completed.wait()
        return cancel_job(bench.database, job.owner, job.id).state

    with ThreadPoolExecutor(1) as threads:
        cancelled = threads.submit(cancel)
        with bench.database.write() as connection:
            complete(connection, item)
            completed.set()
            blocked = until_somebody_waits(bench.database)
            save_progress(connection, item.target_id, Progress())
        assert cancelled.result(timeout=10) == "cancelled"
    assert blocked or bench.database.is_sqlite
    with bench.database.write() as connection:
        try:
            complete(connection, item)
        except Stale:
            return
    raise AssertionError("a finished item was finished again")


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
