"""One appliance on a database of its own, with its worker processes."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import sqlalchemy as sa

from appliance.bench.queue.intake import Intake, Job, Outcome
from appliance.bench.queue.process import Process
from appliance.errors import CommandFailed
from appliance.jobs.registry import CapabilityReader, process_exists
from appliance.settings import Settings
from appliance.storage.database import Database
from appliance.storage.migrate import migrate
from appliance.storage.tables import workers as workers_table
from appliance.testing.diary import Diary, Entry
from appliance.testing.pace import Pace

START_S = 60.0
LOOK_EVERY_S = 0.02

Paces = Mapping[str, Pace]
"""By family of work; an engine without one takes no time."""
Environment = Callable[[Settings], Mapping[str, str]]
"""Gives a process the variables that mean these settings."""


class Site:
    """Used by one thread."""

    def __init__(self, settings: Settings, database: Database, environment: Environment) -> None:
        """Prepare an appliance on this migrated database; nothing runs yet."""
        self.processes: list[Process] = []
        self.intake = Intake(settings, database)
        self._diary_file = settings.data_dir / "diary.jsonl"
        self.diary = Diary(self._diary_file)
        """Says when engines began their batches."""
        self._settings, self._database, self._environment = settings, database, environment
        self._workers = CapabilityReader(database)

    def start_worker(self, paces: Paces, role: str = "all", load_s: float = 0.0) -> Process:
        """Start a worker whose engines take this long and load for so long."""
        return self._start("scripted_worker", role, "--end-with-stdin", *self._options(paces, load_s))

    def start_pool(self, inventory: str, paces: Paces) -> Process:
        """Start a pool of such workers; the inventory is TOML."""
        file = self._settings.data_dir / "inventory.toml"
        file.write_text(inventory, encoding="utf-8")
        return self._start("scripted_pool", str(file), *self._options(paces, 0.0))

    def retire(self, process: Process) -> None:
        """Let a process end and forget it."""
        process.stop()
        self.processes.remove(process)

    def wait_ready(self, workers: int = 1) -> None:
        """Return when `/health/ready` would say so, and so many workers have announced themselves that still run."""
        known = self._workers
        self.wait_until(
            lambda: not known.unserved() and known.proven() and self._running_workers() >= workers,
            f"{workers} workers are ready",
            START_S,
        )

    def submit(self, text: str, priority: int = 0) -> Job:
        """Accept a job of the next user whose recording says this text."""
        return self.intake.submit(text, priority)

    def finished(self, submitted: Sequence[Job], within_s: float) -> list[Outcome]:
        """Wait until these jobs have ended and return how, in the same order."""
        self.wait_until(lambda: self.intake.all_ended(submitted), f"{len(submitted)} jobs end", within_s)
        return self.intake.outcomes(submitted)

    def began(self, family: str, since_s: float, within_s: float = START_S) -> Entry:
        """Wait until an engine has begun a batch of a family since then, and return when the first of these was."""

        def batches() -> list[Entry]:
            return [entry for entry in self.diary.entries() if entry.what == family and entry.at_s >= since_s]

        self.wait_until(lambda: bool(batches()), f"a batch of {family} begins", within_s)
        return batches()[0]

    def wait_until(self, probe: Callable[[], bool], what: str, within_s: float, every_s: float = LOOK_EVERY_S) -> None:
        """Return when the probe says yes; CommandFailed, with what the processes said, when it does not in time."""
        until_s = time.monotonic() + within_s
        while not probe():
            if time.monotonic() > until_s:
                said = next((process.said() for process in self.processes), "")
                raise CommandFailed(f"Not within {within_s:.0f} s: {what}. {said}".strip())
            time.sleep(every_s)

    def rows(self, query: sa.Select) -> Sequence[sa.Row]:
        """Return what a query finds."""
        with self._database.read() as connection:
            return connection.execute(query).all()

    def _running_workers(self) -> int:
        # Those that were killed count as living for a while yet.
        return sum(process_exists(pid) for (pid,) in self.rows(sa.select(workers_table.c.pid)))

    def _start(self, module: str, *arguments: str) -> Process:
        command = [sys.executable, "-m", f"appliance.testing.{module}", *arguments]
        log = self._settings.data_dir / f"{module}-{len(self.processes)}.log"
        self.processes.append(Process(command, self._environment(self._settings), log))
        return self.processes[-1]

    def _options(self, paces: Paces, load_s: float) -> list[str]:
        words = [f"--pace={family}={pace.first_s}+{pace.further_s}" for family, pace in paces.items()]
        return [*words, f"--load={load_s}", f"--diary={self._diary_file}"]


@contextmanager
def opened_site(settings: Settings, environment: Environment) -> Iterator[Site]:
    """Yield a site without workers, rung through Redis; its processes end with the block."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    database = Database(settings.database)
    try:
        migrate(database)
        site = Site(settings, database, environment)
        try:
            with site.intake.ringer:
                yield site
        finally:
            for process in site.processes:
                process.stop()
    finally:
        database.close()
