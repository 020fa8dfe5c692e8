"""Translations in the voice of a stored profile: its own speaker's, made once per version, and nobody else's."""

import random
import threading

import numpy as np
import pytest
import sqlalchemy as sa

from appliance.audio.pcm import samples_of
from appliance.engines.protocols import Voice
from appliance.engines.voice_version import content_version
from appliance.errors import VoiceProfileUnusable
from appliance.jobs.documents import Request
from appliance.owner import Owner
from appliance.stages.context import OPENED_S
from appliance.stages.profile_voice import ANOTHER_SPEAKER
from appliance.stages.references import KEPT_S, References
from appliance.storage.folder import FolderStore
from appliance.storage.tables import jobs, targets
from appliance.storage.voice_tables import voice_conditionings, voice_profiles
from appliance.testing.speakers import heard_speaker, number_of, spoken_by
from appliance.voices.refine import Refinement, Trail, refine_steps, slice_steps
from tests.jobs.studio import ALICE, questions, voice_of

BOB = Owner("app", "bob")
PEOPLE = ("ana", "ben", "carla", "dimitri", "elif", "femi", "greta", "hugo", "ines", "kofi")


def test_a_translation_is_spoken_with_the_profile(studio):
    profile = studio.enrolled()

    job = studio.translated("alice", "good morning")

    assert job.targets[0].state == "done"
    assert (voice_of(job)["kind"], voice_of(job)["profile_version"]) == ("matched", 1)
    assert job.request.profile.id == profile.profile_id
    assert studio.speakers_of("fr:good morning") == {number_of("alice")}
    assert "voice_profile_used" in studio.actions()


def test_the_voice_is_made_once_per_version(studio):
    studio.enrolled()
    first = studio.translated("alice", "good morning")
    studio.references.__init__()  # another process
    second = studio.translated("alice", "good evening")

    assert len(studio.synthesizer.matched) == 1
    assert "voice" not in first.targets[0].spoken.receipt["cached_stages"]
    assert "voice" in second.targets[0].spoken.receipt["cached_stages"]
    assert voice_of(second)["version"] == voice_of(first)["version"]

    studio.judged(ALICE, "alice", "sample 1")
    third = studio.translated("alice", "good night")

    assert len(studio.synthesizer.matched) == 2
    assert voice_of(third)["profile_version"] == 2
    assert voice_of(third)["version"] != voice_of(first)["version"]


def test_the_voice_is_made_of_all_recordings_that_the_version_refers_to(studio):
    studio.enrolled()
    studio.judged(ALICE, "alice", "sample 1")
    studio.translated("alice", "good morning")
    (request,) = [request for request in studio.synthesizer.spoken if request.text == "fr:good morning"]
    assert int(request.voice.arrays["length"][0]) == 2
    assert "embedding" in request.voice.arrays


def test_the_likeness_of_an_utterance_that_is_said_again_is_measured_against_the_new_message(studio):
    studio.enrolled()
    first = studio.translated("alice", "good morning")
    with studio.database.read() as connection:
        (reading,) = connection.scalar(sa.select(targets.c.progress))["readings"]
    spoken = samples_of(studio.objects.get(reading["object"]))

    second = studio.translated("alice", "good morning", seconds=6.0)

    receipts = [job.targets[0].spoken.receipt for job in (first, second)]
    assert receipts[1]["cached_stages"][-2:] == ["synthesize", "verify"]
    messages = [spoken_by("good morning", "alice", seconds) for seconds in (4.0, 6.0)]
    *speakers, heard = studio.encoder.embed([*messages, spoken])
    assert [receipt["similarity"] for receipt in receipts] == pytest.approx(
        [float(np.dot(speaker, heard)) for speaker in speakers], abs=1e-4
    )
    assert receipts[0]["similarity"] != receipts[1]["similarity"]


class Watched(FolderStore):
    """Knows what was read."""

    def __init__(self, folder):
        super().__init__(folder)
        self.read: list[str] = []

    def get(self, name):
        self.read.append(name)
        return super().get(name)


def test_all_languages_of_a_message_open_the_profile_once(studio, tmp_path):
    studio.enrolled(languages=("fr", "es"))
    studio.translated("alice", "hello", "fr", "es")
    with studio.database.read() as connection:
        key_object = connection.scalar(sa.select(voice_profiles.c.key_object))
    studio.objects = studio.bench.objects = Watched(tmp_path / "objects")

    job = studio.translated("alice", "good morning", "fr", "es")

    assert [voice_of(job, position)["profile_version"] for position in (0, 1)] == [1, 1]
    assert studio.objects.read.count(key_object) == 1


def test_an_upload_asks_for_the_profile_once_before_and_once_after_it_is_decoded(studio):
    studio.enrolled()
    with questions(studio.database, "voice_profiles") as asked:
        studio.submit("alice", "good morning")
    assert len(asked) == 2


def test_what_opens_a_profile_is_not_kept_for_long(studio):
    studio.enrolled()
    studio.submit("alice", "good morning")
    worker = studio.worker()
    worker.run_until_idle()
    assert worker._context.opened.size == 1
    studio.clock.advance(OPENED_S)
    worker.run_until_idle()
    assert worker._context.opened.size == 0


def test_an_idle_worker_does_not_hold_on_to_voices(studio):
    studio.references = References(clock=studio.clock)
    studio.enrolled()
    studio.translated("alice", "good morning")
    assert studio.references.size
    studio.clock.advance(KEPT_S)
    assert studio.work() == 0
    assert studio.references.size == 0


def refining(studio, done: list, rivals_heard: list | None = None):
    """Give the workers an engine that refines voices; `done` gets the steps of each slice, the other its rivals."""

    def refine(recording, language, voice, *, steps, goal, probes, rivals, trail):
        # A slice goes on where the one before it stopped, and only the first begins with rivals.
        assert (trail is None) == bool(rivals) and (trail is None or trail.samples == len(done))
        done.append(steps)
        if rivals_heard is not None:
            rivals_heard.append([rival.version for rival in rivals])
        arrays = {**voice.arrays, "refined": np.array([len(done)], np.float32), "goal": np.asarray(goal)}
        voice = Voice("matched", voice.engine, arrays, content_version(voice.engine, arrays, {}))
        return Refinement(voice, 0.5, 0.6, steps, Trail(np.zeros((2, 3)), np.zeros(2), 0.3, len(done)))

    studio.bench.engines_change["refine_voice"] = refine


def test_a_voice_is_refined_in_slices_after_its_first_use(studio):
    done: list[int] = []
    refining(studio, done)
    studio.enrolled()

    first = studio.translated("alice", "good morning")
    second = studio.translated("alice", "good evening")

    assert sum(done) == refine_steps("basic")
    assert max(done) <= slice_steps("basic")
    assert voice_of(second)["version"] != voice_of(first)["version"]
    assert voice_of(second)["profile_version"] == voice_of(first)["profile_version"] == 1
    assert "voice" in second.targets[0].spoken.receipt["cached_stages"]
    assert studio.speakers_of("fr:good evening") == {number_of("alice")}
    studio.translated("alice", "good night")
    assert sum(done) == refine_steps("basic")


def test_a_new_version_speaks_on_with_what_the_one_before_has_come_to(studio):
    done, rivals = [], []
    refining(studio, done, rivals)
    studio.enrolled()
    studio.translated("alice", "good morning")
    slices, before = len(done), studio.translated("alice", "good evening")
    studio.judged(ALICE, "alice", "sample 1")
    after = studio.translated("alice", "good night")

    assert (voice_of(before)["profile_version"], voice_of(after)["profile_version"]) == (1, 2)
    spoken = {request.text: request.voice for request in studio.synthesizer.spoken}
    old, new = (spoken[f"fr:{text}"].arrays for text in ("good evening", "good night"))
    assert np.array_equal(old["length"], new["length"]) and int(new["refined"][0]) == 2 * int(old["refined"][0])
    assert sum(done[slices:]) == refine_steps("basic")
    # The first slice of a version hears a match to its samples too; the others go on with what that slice came to.
    assert [len(found) for found in rivals] == 2 * [1, *[0] * (slices - 1)]
    assert rivals[0] != rivals[slices]


def test_messages_do_not_wait_for_refinement(studio):
    refining(studio, [])
    studio.enrolled()
    studio.submit("alice", "good morning")
    worker = studio.worker()
    while studio.count(voice_conditionings) == 0:
        worker._run(worker._claims.claim({"hear": 1, "translate": 1, "synthesize": 1}))
    job = studio.submit("alice", "urgent")
    for _ in range(2):
        worker._run(worker._claims.claim({"hear": 8, "translate": 50}))
    (item,) = worker._claims.claim({"synthesize": 4})
    assert item.job_id == job.id


def test_a_version_that_is_no_longer_in_force_is_refined_no_more(studio):
    done: list[int] = []
    refining(studio, done)
    studio.enrolled()
    studio.submit("alice", "good morning")
    lane = studio.worker()
    while studio.count(voice_conditionings) == 0:
        lane._run(lane._claims.claim({"hear": 8, "translate": 50, "synthesize": 1, "finish": 8}))
    sample_id = studio.send(ALICE, "alice", "sample 1")
    lane._run(lane._claims.claim({"enrol": 2}))
    assert studio.sample(ALICE, sample_id).state == "accepted"

    studio.work()

    # What was planned for the first version came too late; the second's voice was made before anybody asked for it.
    assert sum(done) == refine_steps("basic")
    assert "voice" in studio.translated("alice", "good evening").targets[0].spoken.receipt["cached_stages"]


def test_a_kept_answer_is_of_one_version(studio):
    studio.enrolled()
    studio.translated("alice", "good morning")
    assert studio.translated("alice", "good morning").targets[0].cached
    studio.judged(ALICE, "alice", "sample 1")
    assert not studio.translated("alice", "good morning").targets[0].cached


def test_the_recording_of_another_is_not_spoken_with_the_profile(studio):
    studio.enrolled()

    job = studio.translated("bob", "good morning")
    attested = studio.translated("bob", "good evening", consent=True)

    assert (voice_of(job)["kind"], voice_of(job)["notice"]) == ("stock", ANOTHER_SPEAKER)
    assert voice_of(attested)["kind"] == "matched"
    assert voice_of(attested)["profile_version"] is None
    assert ANOTHER_SPEAKER in voice_of(attested)["notice"]
    assert studio.speakers_of("fr:good evening") == {number_of("bob")}
    assert studio.count(voice_conditionings) == 0


def test_a_language_without_consent_is_not_spoken_with_the_profile(studio):
    studio.enrolled(languages=("fr",))
    job = studio.translated("alice", "good morning", "fr", "es")
    assert [voice_of(job, place)["profile_version"] for place in (0, 1)] == [1, None]
    assert voice_of(job, 1)["kind"] == "stock"
    assert job.request.profile_unused == "language"


def test_stock_is_stock(studio):
    studio.enrolled()
    job = studio.translated("alice", "good morning", voice="stock")
    assert (voice_of(job)["kind"], job.request.profile) == ("stock", None)


def test_an_expired_consent_speaks_no_more(studio):
    studio.enrolled(valid_s=100.0)
    studio.clock.advance(101)
    job = studio.translated("alice", "good morning")
    assert voice_of(job)["kind"] == "stock"
    assert job.request.profile_unused == "consent_expired"


def test_a_profile_that_is_asked_for_has_to_be_there(studio):
    with pytest.raises(VoiceProfileUnusable, match="no voice profile"):
        studio.submit("alice", "good morning", voice="profile")
    studio.ask()
    with pytest.raises(VoiceProfileUnusable, match="not been given"):
        studio.submit("alice", "good morning", voice="profile")
    studio.read()
    with pytest.raises(VoiceProfileUnusable, match="does not cover"):
        studio.submit("alice", "good morning", "fr", "es", voice="profile")
    assert voice_of(studio.translated("alice", "good morning", voice="profile"))["profile_version"] == 1


def test_another_users_profile_is_nobody_elses_voice(studio):
    studio.enrolled()
    job = studio.translated("alice", "good morning", owner=BOB)
    assert voice_of(job)["kind"] == "stock"


def test_a_repeated_key_gives_the_same_job_whatever_became_of_the_profile(studio):
    before = studio.submit("alice", "good morning", key="k")
    studio.enrolled()
    assert studio.submit("alice", "good morning", key="k").id == before.id


def test_a_request_without_a_profile_has_the_key_that_it_always_had(studio):
    request = Request(targets=("fr",), consent=True)
    assert request.choices("fr") == {
        "source_language": None, "voice": "speaker", "audio_format": "wav", "allow_deepl": False,
    }  # fmt: skip


def test_speakers_never_mix(studio):
    """Ten people, two workers, everything interleaved: each message has its own speaker's voice and version."""
    assert len({number_of(name) for name in PEOPLE}) == len(PEOPLE)
    owners = {name: Owner("app", name) for name in PEOPLE}
    for name, owner in owners.items():
        studio.ask(owner, subject=name, languages=("fr", "es"))
        studio.send(owner, name, studio.profile(owner).challenge.statement, kind="consent")
    studio.work()
    chance = random.Random(4)
    sent = []
    for round_number in range(3):
        for name in chance.sample(PEOPLE, len(PEOPLE)):
            sent.append((name, studio.submit(name, f"{name} {round_number}", "fr", "es", owner=owners[name])))
            if chance.random() < 0.4:
                studio.send(owners[name], name, f"sample {name} {round_number}")
        lanes = [threading.Thread(target=studio.worker(f"w{n}").run_until_idle) for n in range(2)]
        for lane in lanes:
            lane.start()
        for lane in lanes:
            lane.join()
    studio.work()

    profiles = {name: studio.profile(owner) for name, owner in owners.items()}
    voices = {}
    for name, job in sent:
        done = studio.bench.get(job)
        assert done.request.profile.id == profiles[name].profile_id
        for target in done.targets:
            assert target.state == "done", target.error
            voice = target.spoken.receipt["voice"]
            assert voice["profile_version"] == done.request.profile.version
            voices.setdefault((name, voice["profile_version"], target.language), set()).add(voice["version"])
    assert all(len(found) == 1 for found in voices.values())
    versions = [next(iter(found)) for found in voices.values()]
    by_speaker = {}
    for (name, _, _), found in voices.items():
        by_speaker.setdefault(name, set()).update(found)
    assert sum(len(found) for found in by_speaker.values()) == len(set(versions))
    for request in list(studio.synthesizer.spoken):
        name = request.text.split(":")[1].split()[0]
        (speech,) = studio.synthesizer.speak([request])
        assert heard_speaker(speech.samples) == number_of(name)
    with studio.database.read() as connection:
        used = connection.execute(sa.select(jobs.c.user_id, jobs.c.voice_profile_id).distinct()).all()
    assert len(used) == len({row.voice_profile_id for row in used}) == len(PEOPLE)


def test_a_profile_speaks_no_longer_than_its_consent_lasts_however_long_a_job_waited(studio):
    studio.enrolled(valid_s=3600.0)
    job = studio.submit("alice", "good morning")
    assert job.request.profile is not None
    studio.clock.advance(3601.0)
    studio.work()
    target = studio.bench.get(job).targets[0]
    assert target.state == "done"
    assert (target.spoken.voice_kind, target.spoken.receipt["voice"]["profile_version"]) == ("stock", None)
    assert "consent has ended" in target.spoken.receipt["voice"]["notice"]
