"""One appliance on a database of its own: its workers are processes, and jobs come in as the API lets them in."""

import hashlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa

from appliance.access.keys import create_key
from appliance.access.plans import change_plan
from appliance.access.quotas import Quotas
from appliance.audio.pcm import pcm_of
from appliance.bench.queue.process import Process
from appliance.clock import SystemClock
from appliance.engines.protocols import SPEECH_RATE_HZ
from appliance.errors import CommandFailed
from appliance.jobs.documents import AudioFacts, Request
from appliance.jobs.registry import CapabilityReader
from appliance.jobs.submit import Submission, Submitter
from appliance.owner import Owner
from appliance.settings import Settings
from appliance.storage.database import Database
from appliance.storage.migrate import migrate
from appliance.storage.opening import open_store
from appliance.storage.tables import jobs, targets
from appliance.testing.diary import Diary
from appliance.testing.engines import scripted_speech
from appliance.testing.paced import Pace
from appliance.testing.spoken import audio_of
from appliance.workers.bells import RedisRinger
from appliance.workers.listeners import Listeners
from appliance.workers.roles import ACCEPTED

LANGUAGE = "fr"
PLANS = {0: "enterprise", 1: "pro", 2: "free"}
"""A shipped plan for each priority."""
LIMITS = (
    "translations_per_month", "user_translations_per_month", "concurrent_jobs", "audio_s_per_day", "stored_bytes",
    "requests_per_minute", "user_requests_per_minute",
)  # fmt: skip
START_S = 60.0
LOOK_EVERY_S = 0.02
FINAL = ("done", "partial", "failed", "cancelled")

Paces = Mapping[str, Pace]
"""By family of work; an engine without one takes no time."""


@dataclass(frozen=True, slots=True)
class Job:
    """A submitted job: Unix times before its transaction and, after its commit, when the ring was given."""

    id: str
    text: str
    asked_s: float
    rang_s: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended; `finished_s` is Unix time by the database, which runs on this host."""

    job: Job
    finished_s: float
    right: bool

    @property
    def latency_s(self) -> float:
        """Return the seconds from asking to the end."""
        return self.finished_s - self.job.asked_s


class Site:
    """Used by one thread."""

    def __init__(self, settings: Settings, environment: Callable[[Settings], Mapping[str, str]]) -> None:
        """Prepare an appliance with these settings; `environment` gives a process the variables that mean them."""
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        self.settings = settings
        self.database = Database(settings.database)
        self.diary = Diary(settings.data_dir / "diary.jsonl")
        self.processes: list[Process] = []
        self._environment = environment
        self._store = open_store(settings)
        self._workers = CapabilityReader(self.database)
        self.ringer = RedisRinger(settings.redis_url, Listeners(self._workers, SystemClock()))
        self._submitter = Submitter(
            self.database, settings, self._workers.current, self._ring, Quotas(self.database, settings)
        )  # fmt: skip
        self._rang_s = 0.0
        self._users = 0
        migrate(self.database)
        self._applications = {priority: self._application(priority, plan) for priority, plan in PLANS.items()}

    def start_worker(self, paces: Paces, role: str = "all", load_s: float = 0.0) -> Process:
        """Start a worker whose engines take this long and load for so long."""
        return self._start("scripted_worker", role, "--end-with-stdin", *self._options(paces, load_s))

    def start_pool(self, inventory: str, paces: Paces) -> Process:
        """Start a pool of such workers; the inventory is TOML."""
        file = self.settings.data_dir / "inventory.toml"
        file.write_text(inventory, encoding="utf-8")
        return self._start("scripted_pool", str(file), *self._options(paces, 0.0))

    def wait_ready(self, workers: int = 1) -> None:
        """Return when so many workers have announced themselves and `/health/ready` would say so."""
        self.wait_until(
            lambda: (
                self._workers.living() >= workers and not self._workers.unserved() and self._workers.proven()
            ),
            f"{workers} workers are ready",
            START_S,
        )  # fmt: skip

    def submit(self, text: str, priority: int = 0) -> Job:
        """Accept a job in this process as the API does once it has decoded a recording."""
        self._users += 1
        owner, pcm = Owner(self._applications[priority], f"speaker-{self._users}"), pcm_of(scripted_speech(text))
        name = f"pcm/{owner.application_id}-{owner.user_id}.s16"
        self._store.put(name, pcm)
        audio = AudioFacts(pcm=name, duration_s=len(pcm) / 2 / SPEECH_RATE_HZ, container="wav", codec="pcm_s16le")
        request = Request(targets=(LANGUAGE,), source_language="en", voice="stock")
        asked_s = time.time()
        accepted = self._submitter.accept(
            Submission(owner=owner, request=request, audio_sha256=hashlib.sha256(pcm).hexdigest()), audio
        )
        return Job(accepted.id, text, asked_s, self._rang_s)

    def finished(self, submitted: Sequence[Job], within_s: float) -> list[Outcome]:
        """Wait until these jobs have ended and return how."""
        ids = [job.id for job in submitted]
        is_open = sa.select(sa.func.count()).where(jobs.c.id.in_(ids), jobs.c.state.not_in(FINAL))
        self.wait_until(lambda: self.rows(is_open)[0][0] == 0, f"{len(ids)} jobs end", within_s)
        ended = {
            row.id: row
            for row in self.rows(
                sa.select(jobs.c.id, jobs.c.finished_s, jobs.c.state, targets.c.spoken)
                .join(targets, targets.c.job_id == jobs.c.id)
                .where(jobs.c.id.in_(ids))
            )
        }
        return [
            Outcome(
                job,
                ended[job.id].finished_s,
                right=ended[job.id].state == "done"
                and ended[job.id].spoken["sha256"] == audio_of(job.text, LANGUAGE),
            )
            for job in submitted
        ]

    def wait_until(self, probe: Callable[[], bool], what: str, within_s: float) -> None:
        """Return when the probe says yes; CommandFailed, with what the processes said, when it does not in time."""
        until_s = time.monotonic() + within_s
        while not probe():
            if time.monotonic() > until_s:
                said = next((process.said() for process in self.processes), "")
                raise CommandFailed(f"Not within {within_s:.0f} s: {what}. {said}".strip())
            time.sleep(LOOK_EVERY_S)

    def rows(self, query: sa.Select) -> Sequence[sa.Row]:
        """Return what a query finds."""
        with self.database.read() as connection:
            return connection.execute(query).all()

    def retire(self, process: Process) -> None:
        """Let a process end and forget it."""
        process.stop()
        self.processes.remove(process)

    def close(self) -> None:
        """End all processes."""
        for process in self.processes:
            process.stop()
        self.database.close()

    def _start(self, module: str, *arguments: str) -> Process:
        command = [sys.executable, "-m", f"appliance.testing.{module}", *arguments]
        log = self.settings.data_dir / f"{module}-{len(self.processes)}.log"
        self.processes.append(Process(command, self._environment(self.settings), log))
        return self.processes[-1]

    def _options(self, paces: Paces, load_s: float) -> list[str]:
        words = [f"--pace={family}={pace.first_s}+{pace.further_s}" for family, pace in paces.items()]
        return [*words, f"--load={load_s}", f"--diary={self.settings.data_dir / 'diary.jsonl'}"]

    def _application(self, priority: int, plan: str) -> str:
        change_plan(self.database, plan, dict.fromkeys(LIMITS, "none"))
        return create_key(self.database, f"priority-{priority}", "app", plan).application_id

    def _ring(self) -> None:
        self._rang_s = time.time()
        self.ringer.ring(ACCEPTED)


@contextmanager
def opened_site(settings: Settings, environment: Callable[[Settings], Mapping[str, str]]) -> Iterator[Site]:
    """Yield a site without workers; its processes end with the block."""
    site = Site(settings, environment)
    try:
        with site.ringer:
            yield site
    finally:
        site.close()
