"""An appliance of one process in a scratch folder, with the real engines: jobs go in, their work is done and timed."""

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from appliance.access.keys import create_key
from appliance.access.quotas import Quotas
from appliance.audio.pcm import pcm_of
from appliance.engines.protocols import SPEECH_RATE_HZ, Samples
from appliance.errors import CommandFailed
from appliance.jobs.documents import AudioFacts, Capabilities, Request
from appliance.jobs.query import JobReader
from appliance.jobs.submit import Submission, Submitter
from appliance.owner import Owner
from appliance.settings import Settings
from appliance.stages.context import Context
from appliance.storage.database import Database
from appliance.storage.migrate import migrate
from appliance.workers.capabilities import capabilities_of
from appliance.workers.roles import FAMILIES
from appliance.workers.worker import Worker
from appliance.workers.workshop import Build

SPOKEN_FROM = "en"
WHATEVER_IT_TAKES = 1e6
"""The scale of deadlines here: nothing that is measured is refused or late."""


@dataclass
class Trial:
    """The appliance; every recording belongs to a new owner, so nothing that was computed before answers it."""

    context: Context
    worker: Worker
    able: Capabilities
    application_id: str
    owners: int = 0

    def target(self) -> str:
        """Return the language that notes are spoken in."""
        reached = {target for source, target, _ in self.able.routes if source == SPOKEN_FROM != target}
        if not reached:
            raise CommandFailed("No language pack leads from English to a language that can be spoken.")
        return "fr" if "fr" in reached else min(reached)

    def run(self, recordings: list[Samples]) -> float:
        """Translate recordings that arrive at once, and return the seconds until the last is done."""
        capabilities, quotas = self.able, Quotas(self.context.settings)
        submitter = Submitter(
            self.context.database, self.context.settings, lambda: capabilities, lambda: None, quotas
        )  # fmt: skip
        accepted = [self._submit(submitter, samples) for samples in recordings]
        started_s = self.context.clock.monotonic_s()
        self.worker.run_until_idle()
        elapsed_s = self.context.clock.monotonic_s() - started_s
        reader = JobReader(self.context.database)
        for owner, job_id in accepted:
            target = reader.get(owner, job_id).targets[0]
            if target.spoken is None:
                raise CommandFailed(f"A note could not be translated: {target.error.code if target.error else '?'}.")
        return elapsed_s

    def _submit(self, submitter: Submitter, samples: Samples) -> tuple[Owner, str]:
        self.owners += 1
        owner, pcm = Owner(self.application_id, f"speaker-{self.owners}"), pcm_of(samples)
        name = f"pcm/{owner.user_id}.s16"
        self.context.objects.put(name, pcm)
        audio = AudioFacts(pcm=name, duration_s=len(samples) / SPEECH_RATE_HZ, container="wav", codec="pcm_s16le")
        request = Request(targets=(self.target(),), source_language=SPOKEN_FROM, consent=True)
        submission = Submission(owner=owner, request=request, audio_sha256=hashlib.sha256(pcm).hexdigest())
        return owner, submitter.accept(submission, audio).id


@contextmanager
def opened_trial(settings: Settings, build: Build) -> Iterator[Trial]:
    """Yield a trial with engines loaded and warm, or raise the MeeshyError that keeps a worker from starting."""
    with tempfile.TemporaryDirectory(prefix="meeshy-commission-") as folder:
        own = settings.model_copy(
            update={
                "data_dir": Path(folder), "database_url": "", "s3_endpoint": "", "sla_scale": WHATEVER_IT_TAKES,
                "most_waiting_jobs": 0, "disk_reserve_bytes": 0,
            }
        )  # fmt: skip
        database = Database(own.database)
        try:
            migrate(database)
            workshop = build(own, database)
            try:
                workshop.warm(FAMILIES)
                application_id = create_key(database, "commission", "app").application_id
                able = capabilities_of(workshop.context.engines, own)
                yield Trial(workshop.context, Worker(workshop.context, "commission"), able, application_id)
            finally:
                workshop.close()
        finally:
            database.close()
