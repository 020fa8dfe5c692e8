"""Processes that come back when they die, as under a service manager, and how tests kill and stop them."""

import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from appliance.storage.tables import jobs, work_items, workers
from appliance.testing.ports import free_port
from tests.chaos.checker import FINAL
from tests.cluster.conftest import Cluster
from tests.processes.conftest import eventually

RESTART_AFTER_S = 0.1
PERILOUS = "appliance.testing.perilous_worker"
WORKERS = ("worker", "pooled")
POOL = "appliance.testing.scripted_pool"


class Slot:
    """One process that the fleet keeps running."""

    def __init__(self, kind: str, module: str, arguments: Sequence[str]) -> None:
        self.kind, self.module, self.arguments = kind, module, arguments
        self.process: subprocess.Popen[bytes]


@dataclass(frozen=True)
class Death:
    """A process that was killed: the worker that it was, if any, and when by the database's clock."""

    kind: str
    worker_id: str | None
    at_s: float


class Fleet(Cluster):
    """A cluster that starts its dead processes again, each with the same command."""

    def __init__(self, settings) -> None:
        super().__init__(settings)
        self.slots: list[Slot] = []
        self.spared = 0
        """How often a kill waited because its victim had an item in its last attempt."""
        self._closing = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="keeper", daemon=True)
        self._keeper.start()

    def keep(self, kind: str, module: str, *arguments: str) -> Slot:
        """Start a process and keep it running."""
        slot = Slot(kind, module, arguments)
        slot.process = self._start(module, *arguments)
        self.slots.append(slot)
        return slot

    def keep_api(self, module: str = "appliance.cli", before: Sequence[str] = ("api", "--port")) -> Slot:
        """Keep an API on a port of its own, the last argument; its address is the last of `urls`."""
        port = str(free_port())
        self.urls.append(f"http://127.0.0.1:{port}")
        return self.keep("api", module, *before, port)

    def keep_worker(self, pace_s: float = 0.0, role: str = "all") -> Slot:
        """Keep a worker with scripted engines that take so long for each batch."""
        return self.keep("worker", PERILOUS, role, str(pace_s))

    def keep_pool(self, workers_: int, pace_s: float) -> Slot:
        """Keep a pool with so many workers of its own, like those of `keep_worker`."""
        inventory = self.settings.data_dir / "inventory.toml"
        inventory.write_text(
            f'[[device]]\nname = "cpu"\nmemory_gib = 64\n[device.roles.all]\nmin = {workers_}\nmax = {workers_}\n'
        )
        return self.keep("pool", POOL, str(inventory), str(pace_s))

    def keep_housekeeping(self) -> Slot:
        """Keep a housekeeping process."""
        return self.keep("housekeeping", "appliance.cli", "housekeeping")

    def start_housekeeping_once(self, **changes: object) -> subprocess.Popen[bytes]:
        """Let one process do every duty once."""
        return self._start("appliance.cli", "housekeeping", "--once", **changes)

    def staffed(self, *, apis: int, workers_: int, pace_s: float, pooled: int = 0) -> None:
        """Start so many APIs and workers, a pool of further ones and one housekeeping, and wait until they answer."""
        if pooled:
            self.keep_pool(pooled, pace_s)
        for _ in range(workers_):
            self.keep_worker(pace_s)
        self.keep_housekeeping()
        for _ in range(apis):
            self.keep_api()
            self.ready()
        eventually(lambda: len(self.worker_ids()) == workers_ + pooled, "the workers are there")

    def of(self, kind: str) -> list[Slot]:
        return [slot for slot in self.slots if slot.kind == kind]

    def worker_ids(self) -> dict[int, str]:
        """Return the ids of workers by their process; of a process id that has come round, the newest."""
        rows = self.rows(sa.select(workers.c.pid, workers.c.id).order_by(workers.c.started_s))
        return {row.pid: row.id for row in rows}

    def kill_slot(self, slot: Slot) -> Death:
        """Kill a process, once it lives."""
        eventually(lambda: slot.process.poll() is None, "the victim lives")
        victim = slot.process
        death = self._killed(slot.kind, victim.pid)
        victim.wait()
        return death

    def kill_worker_of(self, pool: Slot, rng: random.Random) -> Death:
        """Kill one of a pool's workers, once it has any."""
        pids = eventually(lambda: children_of(pool.process.pid), "the pool has workers")
        return self._killed("pooled", rng.choice(pids))

    def _killed(self, kind: str, pid: int) -> Death:
        worker_id = self.worker_ids().get(pid) if kind in WORKERS else None
        if worker_id and self._holds_a_last_attempt(worker_id):
            self.spared += 1
            eventually(lambda: not self._holds_a_last_attempt(worker_id), "the victim ends its last attempts")
        with self.database.read() as connection:
            at_s = self.database.now_s(connection)
        os.kill(pid, signal.SIGKILL)
        return Death(kind, worker_id, at_s)

    def _holds_a_last_attempt(self, worker_id: str) -> bool:
        query = sa.select(work_items.c.id).where(
            work_items.c.worker_id == worker_id, work_items.c.state == "claimed",
            work_items.c.attempts >= self.settings.attempts,
        )  # fmt: skip
        return bool(self.rows(query))

    def retire(self, kind: str) -> None:
        """Let the processes of a kind finish what they have in hand, and keep them no longer."""
        retired = self.of(kind)
        self.slots = [slot for slot in self.slots if slot.kind != kind]
        for slot in retired:
            slot.process.terminate()
        for slot in retired:
            slot.process.wait(30)

    def held_by(self, worker_id: str) -> dict[str, int]:
        """Return the items that a worker has claimed, each with its fence."""
        rows = self.rows(
            sa.select(work_items.c.id, work_items.c.fence).where(
                work_items.c.worker_id == worker_id, work_items.c.state == "claimed"
            )
        )
        return {row.id: row.fence for row in rows}

    def open_jobs(self) -> int:
        query = sa.select(sa.func.count()).select_from(jobs).where(jobs.c.state.not_in(FINAL["jobs"]))
        return self.rows(query)[0][0]

    def all_ended(self, within_s: float) -> None:
        eventually(lambda: self.open_jobs() == 0, "every job ends", within_s)

    def log_lines(self, text: str) -> int:
        """Return how many log lines of all processes hold a text."""
        return (self.settings.data_dir / "test.log").read_text(errors="replace").count(text)

    def stop_all(self) -> None:
        """Kill every process with what it started; none comes back."""
        self._closing.set()
        self._keeper.join()
        pooled = [pid for slot in self.of("pool") for pid in children_of(slot.process.pid)]
        for process in self.processes:
            with suppress(ProcessLookupError):
                # The group: a scripted service manager has the real process below it.
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        for pid in pooled:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)

    def _keep(self) -> None:
        while not self._closing.wait(RESTART_AFTER_S):
            for slot in list(self.slots):
                if slot.process.poll() is not None:
                    slot.process = self._start(slot.module, *slot.arguments)


def children_of(pid: int) -> list[int]:
    """Return the living children of a process, none where it is gone."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def pause(rng: random.Random, least_s: float, most_s: float) -> None:
    """Let real processes run for a random while."""
    time.sleep(rng.uniform(least_s, most_s))


def stop(process: subprocess.Popen[bytes]) -> None:
    """Stop a process and wait until all of its threads stand still."""
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)


def wake(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGCONT)
