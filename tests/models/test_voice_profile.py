"""The whole way with real models: a voice reads the statement, Whisper hears it, and the profile speaks."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from appliance.audio.pcm import pcm_of
from appliance.catalog.store import ModelStore
from appliance.engines.protocols import SPEECH_RATE_HZ, Samples, SpeakRequest
from appliance.jobs.documents import AudioFacts, JobDocument, Request
from appliance.jobs.query import JobReader
from appliance.jobs.submit import Submission, Submitter
from appliance.owner import Owner
from appliance.profiles.ceremony import Wanted, open_ceremony
from appliance.profiles.erasure import erase_profile
from appliance.profiles.samples import Recording
from appliance.profiles.samples import Samples as Intake
from appliance.profiles.view import SampleOut, view_profile, view_sample
from appliance.settings import Settings
from appliance.storage.database import Database
from appliance.storage.migrate import migrate
from appliance.testing.terms import EverythingAllowed
from appliance.voices.measures import to_speech_rate
from appliance.voices.profile_documents import SampleKind
from appliance.workers.assembly import Assembled, assemble
from appliance.workers.capabilities import capabilities_of
from appliance.workers.phrases import load_phrases
from appliance.workers.roles import BATCH_LIMITS, ROLES
from appliance.workers.worker import Worker

pytestmark = pytest.mark.models

PEOPLE = {"am_michael": Owner("app", "michael"), "bf_emma": Owner("app", "emma")}
NOTES = {
    "am_michael": "Good morning, the meeting starts at nine o'clock and we will talk about the budget.",
    "bf_emma": "I will send you the report tomorrow, please have a look at the second page before lunch.",
}


class Stage:
    """People who speak with Kokoro's stock voices, in front of the real engines."""

    def __init__(self, settings: Settings, database: Database, workshop: Assembled) -> None:
        self.settings, self.database, self.workshop = settings, database, workshop
        self.context = workshop.context
        engines = self.context.engines
        self.capabilities = capabilities_of(engines, settings)
        self.submitter = Submitter(
            database, settings, lambda: self.capabilities, lambda: None, EverythingAllowed(settings.sla_s)
        )
        self.intake = Intake(database, self.context.objects, self.context.vault, settings, lambda: None)

    def says(self, voice_name: str, text: str) -> Samples:
        synthesizer = self.workshop.synthesizer
        voice = synthesizer.stock_voice("en", voice_name)
        parts = []
        for sentence in text.replace(". ", ".|").split("|"):
            (speech,) = synthesizer.speak([SpeakRequest(sentence, "en", voice)])
            parts += [to_speech_rate(speech.samples, speech.rate_hz), _room(0.3)]
        sound = np.concatenate(parts)
        return sound + _room(len(sound) / SPEECH_RATE_HZ)[: len(sound)]

    def sends(self, person: str, owner: Owner, text: str, kind: str) -> SampleOut:
        pcm = pcm_of(self.says(person, text))
        recording = Recording(pcm, len(pcm) / 2 / SPEECH_RATE_HZ, hashlib.sha256(pcm).hexdigest())
        sample_id = self.intake.add(owner, SampleKind(kind), recording)
        self.work()
        return view_sample(self.database, owner, sample_id)

    def submits(self, person: str, owner: Owner, note: int = 0) -> JobDocument:
        pcm = pcm_of(self.says(person, list(NOTES.values())[note]))
        sha256 = hashlib.sha256(pcm).hexdigest()
        name = f"pcm/x/{sha256}.s16"
        self.context.objects.put(name, pcm)
        facts = AudioFacts(pcm=name, duration_s=len(pcm) / 32000, container="wav", codec="pcm_s16le")
        submission = Submission(owner=owner, request=Request(targets=("es",)), audio_sha256=sha256)
        return self.submitter.accept(submission, facts)

    def work(self) -> None:
        Worker(self.context, "w1").run_until_idle()

    def get(self, job: JobDocument) -> JobDocument:
        return JobReader(self.database).get(job.owner, job.id)


def _room(seconds: float) -> Samples:
    """Return the noise of a quiet room: digital silence between words would be no recording."""
    return (1e-4 * np.random.default_rng(1).standard_normal(round(seconds * SPEECH_RATE_HZ) + 1)).astype(np.float32)


@pytest.fixture(scope="module")
def stage(
    model_store: ModelStore, model_path: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:  # fmt: skip
    for model in model_store.catalog.of_set("starter"):
        model_path(model.id)
    settings = Settings(data_dir=tmp_path_factory.mktemp("stage"), models_dir=model_store.root)
    with closing(Database(settings.database)) as database:
        migrate(database)
        load_phrases(database)
        with closing(assemble(settings, database)) as workshop:
            yield Stage(settings, database, workshop)


def consenting(stage: Stage, person: str, owner: Owner) -> SampleOut:
    """Have a person read their statement, and return the recording as it was judged."""
    wanted = Wanted(
        subject=owner.user_id.title(), purpose="messages to our customers", languages=("es",), valid_s=1e6,
        statement_language="en",
    )  # fmt: skip
    open_ceremony(stage.database, stage.context.vault, stage.settings, owner, wanted, None)
    challenge = view_profile(stage.database, stage.context.vault, owner).challenge
    consent = stage.sends(person, owner, challenge.statement, "consent")
    profile = view_profile(stage.database, stage.context.vault, owner)
    print(person, consent.measures, profile.consent.word_error_rate, [r.detail for r in consent.reasons])  # noqa: T201
    assert consent.state == "accepted", consent.reasons
    assert profile.usable, profile.why_not
    return consent


@pytest.mark.timeout(1200)
def test_a_statement_that_is_read_makes_a_profile_that_speaks(stage: Stage) -> None:
    for person, owner in PEOPLE.items():
        consenting(stage, person, owner)
    emma, michael = PEOPLE["bf_emma"], PEOPLE["am_michael"]
    more = stage.sends("am_michael", michael, NOTES["am_michael"], "sample")
    assert more.state == "accepted", more.reasons
    false = stage.sends("am_michael", emma, NOTES["bf_emma"], "sample")
    assert [reason.code for reason in false.reasons][:1] == ["speaker_mismatch"]

    own = [stage.submits("am_michael", michael), stage.submits("bf_emma", emma)]
    borrowed = stage.submits("am_michael", emma)
    stage.work()

    voices = [stage.get(job).targets[0].spoken.receipt["voice"] for job in own]
    assert [voice["profile_version"] for voice in voices] == [2, 1]
    assert voices[0]["version"] != voices[1]["version"]
    assert {voice["kind"] for voice in voices} == {"matched"}
    for job in own:
        receipt = stage.get(job).targets[0].spoken.receipt
        print(job.owner.user_id, "similarity", receipt["similarity"], "wer", receipt["wer"])  # noqa: T201
        assert receipt["similarity"] > 0.5
    refused = stage.get(borrowed).targets[0].spoken.receipt["voice"]
    assert (refused["kind"], refused["profile_version"]) == ("stock", None)
    assert erase_profile(stage.database, stage.context.objects, emma, "asked").complete


TEN = (
    "am_adam", "am_eric", "am_fenrir", "am_puck", "bm_george", "bm_lewis", "af_bella", "af_sarah", "bf_isabella",
    "bf_alice",
)  # fmt: skip


@pytest.mark.full
@pytest.mark.timeout(3600)
def test_ten_speakers_never_mix(stage: Stage) -> None:
    """Their jobs wait together and are spoken while others are listened to; each has its own profile's voice."""
    owners = {person: Owner("crowd", person) for person in TEN}
    for person, owner in owners.items():
        consenting(stage, person, owner)
    sent = [(person, stage.submits(person, owners[person], note)) for note in (0, 1) for person in TEN]
    lanes = [
        Worker(stage.context, f"w-{role}", {family: BATCH_LIMITS[family] for family in ROLES[role]})
        for role in ("whisper", "voice")
    ]
    while any(stage.get(job).state in ("queued", "running") for _, job in sent):
        threads = [threading.Thread(target=lane.run_until_idle) for lane in lanes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    voices: dict[str, set[str]] = {}
    for person, job in sent:
        done = stage.get(job)
        profile = view_profile(stage.database, stage.context.vault, owners[person])
        voice = done.targets[0].spoken.receipt["voice"]
        assert done.request.profile.id == profile.profile_id
        assert voice["profile_version"] == 1, voice
        voices.setdefault(person, set()).add(voice["version"])
    # A voice may have been refined between its person's two jobs; what two people share is nobody's own.
    assert sum(map(len, voices.values())) == len(set.union(*voices.values()))
    assert set(voices) == set(TEN)
