"""People with voices: they give consent, send samples and have their messages translated, on a bench of `conftest`."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import sqlalchemy as sa

from appliance.audio.pcm import pcm_of
from appliance.cache.keys import owner_digest
from appliance.engines.protocols import SPEECH_RATE_HZ
from appliance.jobs.documents import AudioFacts, JobDocument, Request
from appliance.jobs.submit import Submission
from appliance.owner import Owner
from appliance.profiles.ceremony import Wanted, open_ceremony
from appliance.profiles.erasure import ErasureReceipt, erase_profile
from appliance.profiles.samples import Recording, Samples
from appliance.profiles.view import ProfileOut, SampleOut, view_profile, view_sample
from appliance.stages.context import Context, Engines
from appliance.stages.references import References
from appliance.storage.database import Database
from appliance.storage.tables import audit
from appliance.testing.engines import ScriptedTranscriber, ScriptedTranslator
from appliance.testing.speakers import FaithfulSynthesizer, SpeakerByRemainder, heard_speaker, spoken_by
from appliance.voices.profile_documents import SampleKind
from appliance.voices.sealing import Vault
from appliance.workers.worker import Worker

ALICE = Owner("app", "alice")
MOODS = {"alice, bright": {"alice": 0.93, "bob": -0.37}, "alice, hoarse": {"alice": 0.86, "bob": 0.51}}
"""She is let in in both, but they lie so far apart that one takes the profile away from the other."""


@dataclass
class Studio:
    """What people do with their voices; nothing is judged or spoken before `work`."""

    bench: object
    synthesizer: FaithfulSynthesizer = field(default_factory=FaithfulSynthesizer)
    encoder: SpeakerByRemainder = field(default_factory=lambda: SpeakerByRemainder(MOODS))
    transcriber: ScriptedTranscriber = field(default_factory=ScriptedTranscriber)
    rings: int = 0
    references: References = field(default_factory=References)

    def __post_init__(self) -> None:
        self.bench.synthesizer = self.synthesizer
        self.bench.engines_change = {"encoder": self.encoder}
        self.database, self.objects, self.clock = self.bench.database, self.bench.objects, self.bench.clock

    @property
    def engines(self) -> Engines:
        plain = Engines(
            self.transcriber, ScriptedTranslator(), self.synthesizer, self.encoder, whisper_translates=False
        )  # fmt: skip
        return replace(plain, **{k: v for k, v in self.bench.engines_change.items() if k != "encoder"})

    @property
    def vault(self) -> Vault:
        return Vault(self.bench.settings, self.objects)

    @property
    def samples(self) -> Samples:
        return Samples(self.database, self.objects, self.vault, self.bench.settings, self._ring)

    def _ring(self) -> None:
        self.rings += 1

    def context(self) -> Context:
        return Context(
            self.database, self.objects, self.engines, self.bench.settings, self.references, self.clock,
            kept=self.bench.kept,
        )  # fmt: skip

    def worker(self, name: str = "w1") -> Worker:
        return Worker(self.context(), name)

    def work(self) -> int:
        return self.worker().run_until_idle()

    def ask(self, owner: Owner = ALICE, key: str | None = None, **wanted) -> ProfileOut:
        given = {
            "subject": "Alice Martin", "purpose": "messages to our customers", "languages": ("fr",),
            "valid_s": 30 * 86400.0, "statement_language": "en", **wanted,
        }  # fmt: skip
        open_ceremony(self.database, self.vault, self.bench.settings, owner, Wanted(**given), key)
        return self.profile(owner)

    def profile(self, owner: Owner = ALICE) -> ProfileOut:
        return view_profile(self.database, self.vault, owner)

    def send(
        self, owner: Owner, speaker: str, text: str, seconds: float = 12.0, *, kind: str = "sample",
        key: str | None = None, origin: str = "upload",
    ) -> str:  # fmt: skip
        pcm = pcm_of(spoken_by(text, speaker, seconds))
        recording = Recording(pcm, len(pcm) / 2 / SPEECH_RATE_HZ, hashlib.sha256(pcm).hexdigest())
        return self.samples.add(owner, SampleKind(kind), recording, idempotency_key=key, origin=origin)

    def sample(self, owner: Owner, sample_id: str) -> SampleOut:
        return view_sample(self.database, owner, sample_id)

    def judged(self, *sent, **more) -> SampleOut:
        sample_id = self.send(*sent, **more)
        self.work()
        return self.sample(sent[0], sample_id)

    def read(self, owner: Owner = ALICE, speaker: str = "alice", text: str | None = None) -> SampleOut:
        """Read the statement aloud, and have it judged."""
        challenge = self.profile(owner).challenge
        return self.judged(owner, speaker, text or challenge.statement, kind="consent")

    def enrolled(self, owner: Owner = ALICE, speaker: str = "alice", **wanted) -> ProfileOut:
        self.ask(owner, **wanted)
        sample = self.read(owner, speaker)
        assert sample.state == "accepted", sample.reasons
        return self.profile(owner)

    def submit(
        self, speaker: str, text: str, *targets: str, owner: Owner = ALICE, key: str | None = None,
        seconds: float = 4.0, **asked,
    ) -> JobDocument:  # fmt: skip
        pcm = pcm_of(spoken_by(text, speaker, seconds))
        sha256 = hashlib.sha256(pcm).hexdigest()
        submission = Submission(
            owner=owner, request=Request(targets=targets or ("fr",), **asked), audio_sha256=sha256, idempotency_key=key
        )  # fmt: skip
        known = self.bench.known(submission)
        if known is not None:
            return known
        name = f"pcm/{owner_digest(owner)}/{sha256}.s16"
        self.objects.put(name, pcm)
        duration_s = len(pcm) / 2 / SPEECH_RATE_HZ
        facts = AudioFacts(pcm=name, duration_s=duration_s, container="wav", codec="pcm_s16le")
        return self.bench.submitter.accept(submission, facts)

    def translated(self, speaker: str, text: str, *targets: str, **asked) -> JobDocument:
        job = self.submit(speaker, text, *targets, **asked)
        self.work()
        return self.bench.get(job)

    def erase(self, owner: Owner = ALICE) -> ErasureReceipt | None:
        return erase_profile(self.database, self.objects, owner, "asked")

    def speakers_of(self, language_text: str) -> set[int | None]:
        """Return whose voices spoke a text, as the encoder would hear them."""
        return {
            heard_speaker(self.synthesizer.speak([request])[0].samples)
            for request in list(self.synthesizer.spoken)
            if request.text == language_text
        }

    def count(self, table: sa.Table) -> int:
        with self.database.read() as connection:
            return connection.scalar(sa.select(sa.func.count()).select_from(table))

    def actions(self) -> list[str]:
        with self.database.read() as connection:
            return list(connection.scalars(sa.select(audit.c.action).order_by(audit.c.id)))


def voice_of(job: JobDocument, position: int = 0) -> dict:
    return job.targets[position].spoken.receipt["voice"]


@contextmanager
def questions(database: Database, table: str) -> Iterator[list[str]]:
    """Yield the statements that read a table, as they come."""
    found: list[str] = []

    def seen(connection, cursor, statement, *rest) -> None:
        if f"FROM {table}" in statement:
            found.append(statement)

    sa.event.listen(database.engine, "before_cursor_execute", seen)
    try:
        yield found
    finally:
        sa.event.remove(database.engine, "before_cursor_execute", seen)
