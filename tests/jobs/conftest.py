"""The job machinery on both databases, with scripted engines and a clock that stands still."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from appliance.audio.pcm import pcm_of
from appliance.cache.interface import Cache
from appliance.engines.protocols import SPEECH_RATE_HZ
from appliance.housekeeping.house import House
from appliance.jobs.documents import AudioFacts, Capabilities, JobDocument, Request
from appliance.jobs.query import JobReader
from appliance.jobs.reconcile import Reconciled, reconcile
from appliance.jobs.submit import Seen, Submission, Submitter
from appliance.jobs.terms import Allowance
from appliance.owner import Owner
from appliance.settings import Settings
from appliance.stages.context import Context, Engines
from appliance.stages.references import References
from appliance.storage.beside_writers import build_what_is_missing
from appliance.storage.database import Database
from appliance.storage.folder import FolderStore
from appliance.storage.migrate import migrate
from appliance.storage.schema import metadata
from appliance.testing.clock import FrozenClock
from appliance.testing.engines import (
    ScriptedEncoder,
    ScriptedSynthesizer,
    ScriptedTranscriber,
    ScriptedTranslator,
    scripted_speech,
)
from appliance.testing.terms import EverythingAllowed
from appliance.workers.capabilities import capabilities_of
from appliance.workers.worker import Worker
from tests.fresh_sqlite import fresh_sqlite
from tests.jobs.studio import Studio
from tests.services import postgres_url as postgres_url

ALICE = Owner("app", "alice")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path, clock: FrozenClock) -> Iterator[Database]:
    """An empty, migrated database."""
    if request.param == "sqlite":
        database = Database(fresh_sqlite(tmp_path / "test.sqlite3"), clock)
    else:
        database = Database(request.getfixturevalue("postgres_url"), clock)
        migrate(database)
        # A test that went down and up the migrations with rows in between has left one out.
        build_what_is_missing(database)
    yield database
    if not database.is_sqlite:
        with database.write() as connection:
            # A test leaves few rows: TRUNCATE makes a new file for each table and takes four times as long.
            for table in reversed(metadata.sorted_tables):
                connection.execute(sa.delete(table))
    database.close()


@pytest.fixture
def clock() -> FrozenClock:
    """A clock that the test moves."""
    return FrozenClock()


@dataclass
class Bench:
    """An appliance without processes: jobs go in, workers run when told to."""

    database: Database
    objects: FolderStore
    settings: Settings
    clock: FrozenClock
    transcriber: ScriptedTranscriber = field(default_factory=ScriptedTranscriber)
    translator: ScriptedTranslator = field(default_factory=ScriptedTranslator)
    synthesizer: ScriptedSynthesizer = field(default_factory=ScriptedSynthesizer)
    engines_change: dict = field(default_factory=dict)
    allowance: Allowance | None = None
    rings: int = 0
    references: References | None = None
    """Voices that outlive a run; None: each run starts without any."""
    kept: Cache | None = None

    @property
    def engines(self) -> Engines:
        plain = Engines(
            self.transcriber, self.translator, self.synthesizer, ScriptedEncoder(), whisper_translates=False
        )
        return replace(plain, **self.engines_change)

    @property
    def context(self) -> Context:
        references = self.references or References()
        return Context(
            self.database, self.objects, self.engines, self.settings, references, self.clock, kept=self.kept
        )  # fmt: skip

    @property
    def submitter(self) -> Submitter:
        allowance = self.allowance or EverythingAllowed(self.settings.sla_s)
        return Submitter(self.database, self.settings, self._capabilities, self._ring, allowance)

    def look(self, submission: Submission, size_bytes: int = 1000, said_s: float | None = None) -> Seen:
        with self.rows() as rows:
            return self.submitter.look(rows, submission, size_bytes, said_s)

    def known(self, submission: Submission) -> JobDocument | None:
        """Return the answer to an upload that needs neither decoding nor work, as the API asks for it."""
        with self.database.write() as connection:
            seen = self.submitter.look(connection, submission, 1000)
            return seen.job or (self.submitter.answer(connection, submission, seen) if seen.complete else None)

    def _capabilities(self) -> Capabilities:
        return capabilities_of(self.engines, self.settings)

    def _ring(self) -> None:
        self.rings += 1

    def submit(
        self, text: str, *targets: str, owner: Owner = ALICE, key: str | None = None, facts=None, **asked
    ) -> JobDocument:
        asked = {"consent": True, **asked}
        pcm = pcm_of(scripted_speech(text))
        sha256 = hashlib.sha256(pcm).hexdigest()
        submission = Submission(
            owner=owner, request=Request(targets=targets, **asked), audio_sha256=sha256, idempotency_key=key
        )
        known = self.known(submission)
        if known is not None:
            return known
        name = f"pcm/{owner.user_id}/{sha256}.s16"
        self.objects.put(name, pcm)
        duration_s = len(pcm) / 2 / SPEECH_RATE_HZ
        audio = AudioFacts(pcm=name, duration_s=duration_s, container="wav", codec="pcm_s16le", **(facts or {}))
        return self.submitter.accept(submission, audio)

    def worker(self, name: str = "w1") -> Worker:
        return Worker(self.context, name)

    def run(self) -> int:
        return self.worker().run_until_idle()

    def get(self, job: JobDocument) -> JobDocument:
        return JobReader(self.database).get(job.owner, job.id)

    def stored(self) -> list[str]:
        return sorted(entry.name for entry in self.objects.entries(""))

    def reconcile(self) -> Reconciled:
        return reconcile(self.database, self.settings.attempts)

    @contextmanager
    def rows(self) -> Iterator[sa.Connection]:
        with self.database.read() as connection:
            yield connection


@pytest.fixture
def bench(database: Database, tmp_path: Path, clock: FrozenClock) -> Bench:
    """Everything a job needs, on this test's database."""
    return Bench(database, FolderStore(tmp_path / "objects"), Settings(data_dir=tmp_path), clock)


@pytest.fixture
def studio(bench: Bench) -> Studio:
    """A bench whose users have voices of their own."""
    return Studio(bench)


@pytest.fixture
def house(studio: Studio) -> House:
    """What housekeeping works on, in the studio."""
    return House(studio.database, studio.objects, studio.bench.settings)
