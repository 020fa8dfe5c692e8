"""`meeshy pool` as a process: it starts, watches, grows and ends real workers with scripted engines."""

import os
import re
import signal
import subprocess
import sys

import pytest
import sqlalchemy as sa

from appliance.commands.child_environment import child_environment
from appliance.jobs.registry import process_exists
from appliance.storage.admin_tables import pool_actions
from appliance.storage.tables import targets, work_items, workers
from tests.processes.conftest import eventually

POOL = "appliance.testing.scripted_pool"


class PoolOf:
    """A pool of a cluster, with its inventory."""

    def __init__(self, cluster, inventory: str, rules: str = "", **changes: object) -> None:
        self.cluster = cluster
        file = cluster.settings.data_dir / "inventory.toml"
        file.write_text(f"[rules]\nround_s = 0.1\n{rules}\n{inventory}")
        self.process = cluster._start(POOL, str(file), **changes)

    def pids(self) -> list[int]:
        """Return the pool's workers that have announced themselves and live."""
        own = sa.select(pool_actions.c.pid)
        rows = self.cluster.rows(sa.select(workers.c.pid).where(workers.c.pid.in_(own)).order_by(workers.c.started_s))
        return [pid for (pid,) in rows if process_exists(pid)]

    def actions(self, *kinds: str) -> list[sa.Row]:
        query = sa.select(pool_actions).where(pool_actions.c.action.in_(kinds)).order_by(pool_actions.c.id)
        return self.cluster.rows(query)

    def eventually_has(self, count: int) -> list[int]:
        return eventually(
            lambda: pids if len(pids := self.pids()) == count else None, f"the pool has {count} workers"
        )  # fmt: skip


def device(role: str = "all", least: int = 1, most: int = 1, more: str = "") -> str:
    return (
        f'[[device]]\nname = "cpu"\nmemory_gib = 64\n{more}\n'
        f"[device.roles.{role}]\nmin = {least}\nmax = {most}\n"
    )  # fmt: skip


def stopped_at_work(cluster, pid: int) -> bool:
    """Stop a worker, and let it go on if it had nothing in hand."""
    os.kill(pid, signal.SIGSTOP)
    if cluster.rows(sa.select(work_items.c.id).where(work_items.c.state == "claimed")):
        return True
    os.kill(pid, signal.SIGCONT)
    return False


@pytest.fixture
def pool(cluster):
    """Start pools of the test's cluster; their workers end with it."""
    started: list[PoolOf] = []

    def start(inventory: str, rules: str = "", **changes: object) -> PoolOf:
        started.append(PoolOf(cluster, inventory, rules, **changes))
        return started[-1]

    yield start
    for each in started:
        left = each.pids()
        if each.process.poll() is None:
            cluster.kill(each.process)
        for pid in left:
            # Frozen ones would not notice that their pool is gone.
            try:
                os.killpg(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue


def test_a_killed_worker_is_replaced_and_its_jobs_finish(cluster, pool):
    cluster.start_api()
    running = pool(device(), lease_s=600.0)
    (first,) = running.eventually_has(1)
    cluster.ready()
    jobs = [cluster.submit(f"message {number}", "fr") for number in range(20)]
    eventually(lambda: stopped_at_work(cluster, first), "it stands still with work in hand")
    os.kill(first, signal.SIGKILL)
    # The leases are of ten minutes, so that only their release at the worker's death lets these jobs end.
    assert {cluster.finished(job)["state"] for job in jobs} == {"done"}
    assert cluster.rows(sa.select(sa.func.count()).select_from(targets).where(targets.c.state == "done")) == [(20,)]
    (died,) = running.actions("died")
    assert (died.pid, died.reason, died.device, died.role) == (first, "signal 9", "cpu", "all")
    assert [action.reason for action in running.actions("start")] == ["minimum", "again"]


def test_a_backlog_starts_a_second_worker_and_quiet_ends_it(cluster, pool):
    cluster.start_api()
    held = cluster.start_worker("whisper")
    cluster.ready_to_accept()
    os.kill(held.pid, signal.SIGSTOP)
    running = pool(device("voice", 1, 2), "backlog = 2\ndwell_s = 0.5\nquiet_s = 1.0", poll_s=0.2)
    (first,) = running.eventually_has(1)
    os.kill(first, signal.SIGSTOP)
    for number in range(6):
        cluster.submit(f"message {number}", "fr")
    os.kill(held.pid, signal.SIGCONT)
    eventually(lambda: len(running.actions("start")) == 2, "a second worker is started")
    assert re.search(r"jobs wait|late", running.actions("start")[1].reason)
    os.kill(first, signal.SIGCONT)
    eventually(lambda: running.actions("stop"), "quiet stops it again")
    running.eventually_has(1)
    assert not running.actions("killed", "died")


def test_a_hung_worker_is_ended_and_the_poisoned_job_with_it_while_others_finish(cluster, pool):
    cluster.start_api()
    # Long enough for honest work on a busy machine: with one second, what took longer was ended beside the poisoned.
    running = pool(device(), "hung_base_s = 4.0\nhung_per_audio_s = 0.5")
    running.eventually_has(1)
    cluster.ready()
    poisoned = cluster.submit("HANG", "fr")
    others = [cluster.submit(f"message {number}", "fr") for number in range(5)]
    ended = cluster.finished(poisoned)
    assert (ended["state"], ended["error"]["code"]) == ("failed", "worker_lost")
    assert {cluster.finished(job)["state"] for job in others} == {"done"}
    killed = running.actions("killed")
    assert len(killed) == 3
    assert all(action.reason.startswith("hung: hear for") for action in killed)


def test_a_worker_that_no_longer_reports_is_ended_and_replaced(cluster, pool):
    running = pool(device(), "silent_s = 2.0", poll_s=0.2)
    (first,) = running.eventually_has(1)
    os.kill(first, signal.SIGSTOP)
    eventually(lambda: running.actions("killed"), "the silent worker is ended")
    assert running.actions("killed")[0].reason.startswith("silent for")
    eventually(lambda: (pids := running.pids()) and first not in pids, "another has taken its place")


def test_workers_end_when_their_pool_is_killed(cluster, pool):
    running = pool(device("whisper", 2, 2))
    both = running.eventually_has(2)
    cluster.kill(running.process)
    eventually(lambda: not any(process_exists(pid) for pid in both), "the workers are gone")


def test_a_loading_worker_ends_too_when_its_pool_is_killed(cluster, pool):
    running = pool(device("voice", 1, 1))
    eventually(lambda: running.actions("start"), "the worker is started")
    pid = running.actions("start")[0].pid
    cluster.kill(running.process)
    eventually(lambda: not process_exists(pid), "the worker is gone")


def test_sigterm_drains_all_workers_and_ends_the_pool(cluster, pool):
    cluster.start_api()
    running = pool(device("all", 2, 2))
    both = running.eventually_has(2)
    cluster.ready()
    jobs = [cluster.submit(f"message {number}", "fr") for number in range(8)]
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(60) == 0
    assert not any(process_exists(pid) for pid in both)
    assert {action.reason for action in running.actions("stop")} == {"the pool ends"}
    assert not running.actions("killed"), "they ended by themselves"
    claimed = sa.select(work_items.c.id).where(work_items.c.state == "claimed")
    assert cluster.rows(claimed) == []
    pool(device())
    assert {cluster.finished(job)["state"] for job in jobs} == {"done"}


def test_one_slot_works_while_another_of_the_same_process_is_held_up(cluster, pool):
    cluster.start_api()
    ears = device("whisper", 2, 2) + "slots_per_process = 2\n"
    running = pool(ears + "[device.roles.voice]\nmin = 1\nmax = 1\n")
    running.eventually_has(2)
    cluster.ready()
    assert sorted(row.slots for row in cluster.rows(sa.select(workers.c.slots))) == [1, 2]
    held = cluster.submit("HANG", "fr")
    eventually(lambda: cluster.job(held)["state"] == "running" or _claimed(cluster, held), "it is held")
    jobs = [cluster.submit(f"message {number}", "fr") for number in range(3)]
    assert {cluster.finished(job)["state"] for job in jobs} == {"done"}
    assert cluster.job(held)["state"] not in ("done", "failed")


def _claimed(cluster, job_id):
    query = sa.select(work_items.c.id).where(work_items.c.job_id == job_id, work_items.c.state == "claimed")
    return bool(cluster.rows(query))


def test_a_second_pool_on_the_same_data_folder_is_refused(cluster, pool):
    running = pool(device())
    running.eventually_has(1)
    file = cluster.settings.data_dir / "inventory.toml"
    second = subprocess.run(
        [sys.executable, "-m", "appliance.cli", "pool", "--inventory", str(file)], capture_output=True, text=True,
        env=child_environment(cluster.settings), timeout=60,
    )  # fmt: skip
    assert second.returncode == 1
    assert "A pool already runs on this data folder." in second.stderr
