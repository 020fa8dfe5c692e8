"""Jobs into an appliance, by the code that the API runs once it has decoded a recording, and how they ended."""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from appliance.access.keys import create_key
from appliance.access.plans import change_plan
from appliance.access.quotas import Quotas
from appliance.audio.pcm import pcm_of
from appliance.bench.row import Check
from appliance.clock import SystemClock
from appliance.engines.protocols import SPEECH_RATE_HZ
from appliance.jobs.documents import AudioFacts, Request
from appliance.jobs.registry import CapabilityReader
from appliance.jobs.submit import Submission, Submitter
from appliance.owner import Owner
from appliance.settings import Settings
from appliance.storage.database import Database
from appliance.storage.opening import open_store
from appliance.storage.tables import jobs, targets
from appliance.testing.engines import scripted_speech
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
FINAL = ("done", "partial", "failed", "cancelled")


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
    """Whether it is done with the audio that its text becomes."""

    @property
    def latency_s(self) -> float:
        """Return the seconds from asking to the end."""
        return self.finished_s - self.job.asked_s


USERS = 100
"""Of each application: people send more than one message, and the folder of a user is made with the first."""


class Intake:
    """Used by one thread. No plan of this appliance has limits: a bench makes more jobs than they allow."""

    def __init__(self, settings: Settings, database: Database) -> None:
        """Accept into this migrated database."""
        self._database = database
        self._store = open_store(settings)
        workers = CapabilityReader(database)
        self.ringer = RedisRinger(settings.redis_url, Listeners(workers, SystemClock()))
        self._submitter = Submitter(database, settings, workers.current, self._ring, Quotas(settings))
        self._rang_s = 0.0
        self._jobs = 0
        self._applications = {priority: self._application(priority, plan) for priority, plan in PLANS.items()}

    def submit(self, text: str, priority: int = 0) -> Job:
        """Accept a job of the next user whose recording says this text."""
        self._jobs += 1
        owner = Owner(self._applications[priority], f"speaker-{self._jobs % USERS}")
        pcm = pcm_of(scripted_speech(text))
        name = f"pcm/{owner.application_id}-{self._jobs}.s16"
        self._store.put(name, pcm)
        audio = AudioFacts(pcm=name, duration_s=len(pcm) / 2 / SPEECH_RATE_HZ, container="wav", codec="pcm_s16le")
        request = Request(targets=(LANGUAGE,), source_language="en", voice="stock")
        submission = Submission(owner=owner, request=request, audio_sha256=hashlib.sha256(pcm).hexdigest())
        asked_s = time.time()
        return Job(self._submitter.accept(submission, audio).id, text, asked_s, self._rang_s)

    def all_ended(self, submitted: Sequence[Job]) -> bool:
        """Return whether these jobs have ended."""
        ids = [job.id for job in submitted]
        is_open = sa.select(jobs.c.id).where(jobs.c.id.in_(ids), jobs.c.state.not_in(FINAL)).limit(1)
        with self._database.read() as connection:
            return connection.execute(is_open).first() is None

    def outcomes(self, submitted: Sequence[Job]) -> list[Outcome]:
        """Return how these jobs have ended, in the same order."""
        ids = [job.id for job in submitted]
        ended = (
            sa.select(jobs.c.id, jobs.c.finished_s, jobs.c.state, targets.c.spoken)
            .join(targets, targets.c.job_id == jobs.c.id)
            .where(jobs.c.id.in_(ids))
        )
        with self._database.read() as connection:
            rows = {row.id: row for row in connection.execute(ended)}
        return [Outcome(job, rows[job.id].finished_s, right=_right(job, rows[job.id])) for job in submitted]

    def _application(self, priority: int, plan: str) -> str:
        change_plan(self._database, plan, dict.fromkeys(LIMITS, "none"))
        return create_key(self._database, f"priority-{priority}", "app", plan).application_id

    def _ring(self) -> None:
        self._rang_s = time.time()
        self.ringer.ring(ACCEPTED)


def right_audio(ended: Sequence[Outcome]) -> Check:
    """Return whether all of these jobs are done with the right audio, and how many are."""
    right = sum(outcome.right for outcome in ended)
    return Check(passed=right == len(ended), detail=f"{right} of {len(ended)} jobs done with the right audio")


def _right(job: Job, row: sa.Row) -> bool:
    return row.state == "done" and row.spoken["sha256"] == audio_of(job.text, LANGUAGE)
