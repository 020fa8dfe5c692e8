"""A site for the replay: the real database, jobs, stages, library and idle work; scripted engines, a clock of its own.

Every request is a recording that nobody has sent before, so that no kept audio answers and each sentence is looked up.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from appliance.audio.pcm import pcm_of
from appliance.bench.phrases.stream import SOURCE, TARGETS, Asked
from appliance.cache.library import size
from appliance.engines.protocols import SPEECH_RATE_HZ
from appliance.housekeeping.house import House
from appliance.housekeeping.phrases import SETTLED_S, bound_phrases, grow_phrases
from appliance.jobs.documents import AudioFacts, JobDocument, Request
from appliance.jobs.query import JobReader
from appliance.jobs.submit import Submission, Submitter
from appliance.owner import Owner
from appliance.settings import Settings
from appliance.stages.context import Context, Engines
from appliance.stages.references import References
from appliance.storage.database import Database
from appliance.storage.folder import FolderStore
from appliance.storage.migrate import migrate
from appliance.testing.clock import FrozenClock
from appliance.testing.engines import (
    SHORTEST_SAMPLES,
    ScriptedEncoder,
    ScriptedSynthesizer,
    ScriptedTranscriber,
    ScriptedTranslator,
    scripted_speech,
)
from appliance.testing.terms import EverythingAllowed
from appliance.workers.capabilities import capabilities_of
from appliance.workers.phrases import load_phrases
from appliance.workers.roles import BATCH_LIMITS
from appliance.workers.spare_time import SpareTime
from appliance.workers.worker import Worker

APPLICATION = "bench"
BETWEEN_S = 60.0
"""A request a minute."""


@dataclass
class Site:
    """One appliance with a corpus in its library and nobody's requests yet."""

    context: Context
    clock: FrozenClock
    submitter: Submitter
    worker: Worker

    def serve(self, asked: Sequence[Asked]) -> list[JobDocument]:
        """Accept these, work until nothing waits, let the library take it in, use the spare time; return the jobs."""
        accepted = [self._accept(one) for one in asked]
        self.worker.run_until_idle()
        self.clock.advance(SETTLED_S + 1)
        context = self.context
        house = House(context.database, context.objects, context.settings)
        grow_phrases(house)
        bound_phrases(house)
        self.clock.advance(BETWEEN_S)
        self.worker.run_until_idle()
        reader = JobReader(context.database)
        return [reader.get(job.owner, job.id) for job in accepted]

    def size(self) -> int:
        """Return how many phrases the library holds."""
        with self.context.database.read() as connection:
            return size(connection)

    def _accept(self, asked: Asked) -> JobDocument:
        self.clock.advance(BETWEEN_S)
        # A length of its own makes each recording another one.
        pcm = pcm_of(scripted_speech(asked.text, SHORTEST_SAMPLES + asked.number))
        sha256 = hashlib.sha256(pcm).hexdigest()
        name = f"pcm/{asked.user}/{sha256}.s16"
        self.context.objects.put(name, pcm)
        submission = Submission(
            owner=Owner(APPLICATION, asked.user),
            request=Request(targets=(asked.target,), voice="stock"),
            audio_sha256=sha256,
            idempotency_key=None,
        )
        audio = AudioFacts(pcm=name, duration_s=len(pcm) / 2 / SPEECH_RATE_HZ, container="wav", codec="pcm_s16le")
        return self.submitter.accept(submission, audio)


@contextmanager
def opened_site(folder: Path, settings: Settings) -> Iterator[Site]:
    """Yield a site with its data in this folder."""
    clock = FrozenClock()
    database = Database(f"sqlite:///{folder / 'site.sqlite3'}", clock)
    try:
        migrate(database)
        load_phrases(database)
        engines = Engines(
            ScriptedTranscriber(SOURCE),
            ScriptedTranslator([(SOURCE, target) for target in TARGETS]),
            ScriptedSynthesizer([SOURCE, *TARGETS]),
            ScriptedEncoder(),
            whisper_translates=False,
        )
        context = Context(database, FolderStore(folder / "objects"), engines, settings, References(), clock)
        able = capabilities_of(engines, settings)
        submitter = Submitter(database, settings, lambda: able, lambda: None, EverythingAllowed())
        worker = Worker(context, "bench", spare=SpareTime(context, BATCH_LIMITS))
        yield Site(context, clock, submitter, worker)
    finally:
        database.close()
