"""A profile comes to be by consent alone, and grows by what its own speaker sends."""

import base64
import os

import numpy as np
import pytest
import sqlalchemy as sa

from appliance.audio.pcm import pcm_of
from appliance.errors import (
    AudioTooLong,
    ChallengeExpired,
    ConsentMissing,
    IdempotencyConflict,
    NotFound,
    RateLimited,
    VoiceKeyUnusable,
    VoiceProfileExists,
    VoiceSealBroken,
)
from appliance.owner import Owner
from appliance.profiles.ceremony import CHALLENGE_S
from appliance.profiles.samples import MOST_READINGS, MOST_WAITING, Recording
from appliance.status.figures import read_figures
from appliance.storage.tables import audit
from appliance.storage.voice_tables import voice_profiles, voice_samples
from appliance.testing.speakers import spoken_by
from appliance.voices.profile_documents import SampleKind
from appliance.voices.site_key import key_path
from tests.jobs.studio import ALICE, Studio

BOB = Owner("app", "bob")
ALICE_ELSEWHERE = Owner("other", "alice")


@pytest.fixture
def studio(bench) -> Studio:
    return Studio(bench)


def test_reading_the_statement_with_its_phrase_makes_the_profile_active(studio):
    asked = studio.ask()
    assert (asked.state, asked.usable, asked.version) == ("awaiting_consent", False, 0)
    assert asked.challenge.phrase in asked.challenge.statement
    assert "Alice Martin" in asked.challenge.statement

    sample = studio.read()

    profile = studio.profile()
    assert sample.state == "accepted"
    assert (profile.state, profile.usable, profile.version, profile.level) == ("active", True, 1, "basic")
    assert profile.challenge is None
    assert profile.consent.subject == "Alice Martin"
    assert profile.consent.statement == asked.challenge.statement
    assert profile.consent.word_error_rate == 0
    assert profile.consent.expires_s == pytest.approx(studio.clock.now_s() + 30 * 86400)
    assert studio.actions() == [
        "voice_consent_asked", "voice_consent_received", "voice_consent_accepted", "voice_consent_given",
        "voice_version_made",
    ]  # fmt: skip


def test_each_ceremony_has_words_of_its_own_and_a_language_without_a_statement_gets_english(studio):
    phrases = {studio.ask().challenge.phrase for _ in range(5)}
    assert len(phrases) == 5
    assert studio.ask(statement_language="fr").challenge.statement.startswith("Je m'appelle Alice Martin.")
    assert studio.ask(statement_language="sw").challenge.language == "en"


def test_the_statement_with_other_words_is_no_consent(studio):
    challenge = studio.ask().challenge
    other = challenge.statement.replace(challenge.phrase, "one two three four five")

    sample = studio.read(text=other)

    assert sample.state == "refused"
    assert [reason.code for reason in sample.reasons] == ["consent_mismatch"]
    assert studio.profile().state == "awaiting_consent"
    assert [name for name in studio.bench.stored() if "sample" in name] == []


def test_the_phrase_without_the_statement_is_no_consent(studio):
    challenge = studio.ask().challenge
    assert studio.read(text=f"my words for today are {challenge.phrase}").state == "refused"


def test_a_phrase_is_valid_for_some_minutes(studio):
    challenge = studio.ask().challenge
    studio.clock.advance(CHALLENGE_S + 1)
    with pytest.raises(ChallengeExpired):
        studio.send(ALICE, "alice", challenge.statement, kind="consent")
    studio.ask()
    assert studio.read().state == "accepted"


def test_a_phrase_may_be_tried_some_times(studio):
    studio.ask()
    for number in range(MOST_READINGS):
        studio.read(text=f"something else {number}")
    with pytest.raises(ChallengeExpired):
        studio.read(text="and again")


def test_a_reading_of_the_phrase_before_the_last_is_refused(studio):
    first = studio.ask().challenge
    sample_id = studio.send(ALICE, "alice", first.statement, kind="consent")
    studio.ask()

    studio.work()

    assert studio.sample(ALICE, sample_id).state == "refused"
    assert studio.profile().state == "awaiting_consent"


def test_without_a_ceremony_nothing_is_taken(studio):
    with pytest.raises(NotFound):
        studio.send(ALICE, "alice", "hello")
    studio.ask()
    with pytest.raises(ConsentMissing):
        studio.send(ALICE, "alice", "hello")


def test_a_profile_with_consent_takes_no_second_ceremony(studio):
    studio.enrolled()
    with pytest.raises(VoiceProfileExists):
        studio.ask()


def test_a_repeated_key_opens_one_ceremony(studio):
    first = studio.ask(key="k")
    assert studio.ask(key="k").challenge == first.challenge
    with pytest.raises(IdempotencyConflict):
        studio.ask(key="k", purpose="something else")


def test_samples_of_the_same_speaker_make_versions(studio):
    studio.enrolled()
    for number in range(5):
        assert studio.judged(ALICE, "alice", f"sample {number}").state == "accepted"
    profile = studio.profile()
    assert profile.version == 6
    assert profile.level == "refined"
    assert [version.state for version in profile.versions] == ["superseded"] * 5 + ["in_force"]
    assert all(version.similarity > 0.9 for version in profile.versions[1:])


def test_the_oldest_samples_go_that_no_voice_refers_to(studio, monkeypatch):
    monkeypatch.setattr("appliance.stages.growing.MOST_KEPT_S", 60.0)
    consent = studio.enrolled().samples[0].sample_id
    for number in range(8):
        studio.clock.advance(1.0)
        assert studio.judged(ALICE, "alice", f"sample {number}").state == "accepted"
    profile = studio.profile()
    kept = {sample.sample_id for sample in profile.samples}
    assert consent in kept
    assert sum(sample.duration_s for sample in profile.samples) <= 60.0
    assert len([name for name in studio.bench.stored() if "/sample_" in name]) == len(kept)
    assert profile.version == 9


def test_another_speaker_is_refused_and_leaves_nothing(studio):
    studio.enrolled()
    before = studio.bench.stored()

    sample = studio.judged(ALICE, "mallory", "hello, it is me, alice")

    assert (sample.state, sample.reasons[0].code) == ("refused", "speaker_mismatch")
    assert studio.profile().version == 1
    assert studio.bench.stored() == before


def test_a_bad_recording_is_refused_with_its_reasons_in_words(studio):
    studio.enrolled()
    sample = studio.judged(ALICE, "alice", "short", seconds=1.0)
    assert sample.state == "refused"
    assert "too_little_speech" in [reason.code for reason in sample.reasons]
    assert all(reason.detail.endswith(".") for reason in sample.reasons)


def test_two_people_in_the_reading_of_the_statement_are_no_consent(studio):
    statement = studio.ask().challenge.statement
    pcm = pcm_of(np.concatenate([spoken_by(statement, "alice", 8.0), spoken_by("", "bob", 8.0)]))

    sample_id = studio.samples.add(ALICE, SampleKind.CONSENT, Recording(pcm, len(pcm) / 32000, "0" * 64))
    studio.work()

    sample = studio.sample(ALICE, sample_id)
    assert (sample.state, sample.reasons[0].code) == ("refused", "several_speakers")
    assert studio.profile().state == "awaiting_consent"


def test_a_version_that_is_worse_is_rolled_back_by_itself(studio, monkeypatch):
    studio.enrolled()
    studio.judged(ALICE, "alice", "sample 1")
    held = studio.profile()
    # The gate lets nobody through who would change a voice that much: a session far off is put in its place.
    monkeypatch.setattr("appliance.stages.growing.updated", lambda old, session: np.roll(old, 1))

    sample = studio.judged(ALICE, "alice", "sample 2")

    profile = studio.profile()
    assert (sample.state, sample.reasons[0].code) == ("set_aside", "set_aside")
    assert (profile.version, profile.clean_speech_s) == (held.version, held.clean_speech_s)
    assert profile.versions[-1].state == "rolled_back"
    assert profile.versions[-1].similarity < profile.versions[-1].similarity_before
    monkeypatch.undo()
    assert studio.judged(ALICE, "alice", "sample 3").state == "accepted"
    assert studio.profile().version == profile.versions[-1].version + 1


@pytest.mark.parametrize("other", [BOB, ALICE_ELSEWHERE])
def test_a_profile_is_its_owners_alone(studio, other):
    profile = studio.enrolled()
    with pytest.raises(NotFound):
        studio.profile(other)
    with pytest.raises(NotFound):
        studio.sample(other, profile.samples[0].sample_id)
    with pytest.raises(NotFound):
        studio.send(other, "bob", "hello")
    assert studio.erase(other) is None
    assert studio.profile() == profile


def test_a_row_that_is_moved_to_another_owner_does_not_open(studio):
    studio.enrolled()
    with studio.database.write() as connection:
        connection.execute(sa.update(voice_profiles).values(user_id="bob"))
    with pytest.raises((VoiceSealBroken, VoiceKeyUnusable)):
        studio.profile(BOB)


def test_one_profiles_boxes_do_not_open_in_another(studio):
    studio.enrolled()
    studio.enrolled(BOB, "bob")
    with studio.database.write() as connection:
        of_alice = sa.select(voice_profiles.c.consent).where(voice_profiles.c.user_id == "alice").scalar_subquery()
        bobs = sa.update(voice_profiles).where(voice_profiles.c.user_id == "bob")
        connection.execute(bobs.values(consent=of_alice))
    with pytest.raises(VoiceSealBroken):
        studio.profile(BOB)


def test_consent_ends_and_then_nothing_is_taken(studio):
    studio.enrolled(valid_s=100.0)
    studio.clock.advance(101)
    assert (studio.profile().usable, studio.profile().why_not) == (
        False, "The consent of the voice profile has expired.",
    )  # fmt: skip
    with pytest.raises(ConsentMissing):
        studio.send(ALICE, "alice", "hello")


def test_a_sample_that_waits_while_the_consent_ends_is_refused(studio):
    studio.enrolled(valid_s=100.0)
    sample_id = studio.send(ALICE, "alice", "hello")
    studio.clock.advance(101)
    studio.work()
    assert studio.sample(ALICE, sample_id).reasons[0].code == "consent_missing"


def test_the_same_recording_is_one_sample(studio):
    studio.enrolled()
    first = studio.send(ALICE, "alice", "hello")
    assert studio.send(ALICE, "alice", "hello") == first
    studio.work()
    assert studio.send(ALICE, "alice", "hello") == first
    assert studio.profile().version == 2


def test_a_key_is_for_one_recording(studio):
    studio.enrolled()
    first = studio.send(ALICE, "alice", "hello", key="k")
    assert studio.send(ALICE, "alice", "hello", key="k") == first
    with pytest.raises(IdempotencyConflict):
        studio.send(ALICE, "alice", "something else", key="k")


def test_what_waits_and_how_long_it_is_are_bounded(studio):
    studio.enrolled()
    for number in range(MOST_WAITING):
        studio.send(ALICE, "alice", f"sample {number}", seconds=1.0)
    with pytest.raises(RateLimited):
        studio.send(ALICE, "alice", "one more", seconds=1.0)
    with pytest.raises(AudioTooLong):
        studio.send(ALICE, "alice", "long", seconds=200.0)


def test_nothing_readable_is_stored(studio, tmp_path):
    studio.enrolled()
    studio.judged(ALICE, "alice", "sample 1")
    pcm = pcm_of(spoken_by("sample 1", "alice", 12.0))[2000:3000]
    for name in studio.bench.stored():
        assert pcm not in studio.objects.get(name)
    with studio.database.read() as connection:
        rows = [
            str(row) for table in (voice_profiles, voice_samples, audit) for row in connection.execute(table.select())
        ]
    assert not [row for row in rows if "Alice Martin" in row or "customers" in row]


class Killed(BaseException):
    """The process is gone; nothing handles it."""


@pytest.mark.parametrize("step", ["hearing", "embedding", "writing"])
def test_a_sample_whose_worker_dies_is_judged_once(studio, step, monkeypatch):
    studio.enrolled()
    sample_id = studio.send(ALICE, "alice", "hello")

    def die(*args, **named):
        raise Killed

    with monkeypatch.context() as patched:
        if step == "hearing":
            patched.setattr(studio.transcriber, "transcribe", die)
        elif step == "embedding":
            patched.setattr(studio.encoder, "embed", die)
        else:
            patched.setattr("appliance.stages.enrol.grow", die)
        with pytest.raises(Killed):
            studio.work()
    assert studio.sample(ALICE, sample_id).state == "waiting"

    studio.clock.advance(studio.bench.settings.lease_s + 1)
    assert studio.bench.reconcile().returned == 1
    studio.work()

    assert studio.sample(ALICE, sample_id).state == "accepted"
    assert studio.profile().version == 2


def test_a_worker_that_comes_back_late_writes_nothing(studio):
    studio.enrolled()
    studio.send(ALICE, "alice", "hello")
    late = studio.worker("late")
    items = late._claims.claim({"enrol": 2})
    studio.clock.advance(studio.bench.settings.lease_s + 1)
    studio.bench.reconcile()
    studio.work()

    late._run(items)

    assert studio.profile().version == 2


def test_a_sample_that_kills_every_worker_is_refused(studio):
    studio.enrolled()
    sample_id = studio.send(ALICE, "alice", "hello")
    for number in range(studio.bench.settings.attempts):
        assert studio.worker(f"w{number}")._claims.claim({"enrol": 2})
        studio.clock.advance(studio.bench.settings.lease_s + 1)
        studio.bench.reconcile()
    sample = studio.sample(ALICE, sample_id)
    assert (sample.state, sample.reasons[0].code) == ("refused", "worker_lost")
    assert studio.profile().version == 1


def test_a_sample_that_breaks_the_engine_is_refused_in_the_end(studio):
    studio.enrolled()
    good, bad = studio.send(ALICE, "alice", "hello"), studio.send(ALICE, "alice", "POISON")
    studio.work()
    assert studio.sample(ALICE, good).state == "accepted"
    assert studio.sample(ALICE, bad).reasons[0].code == "engine_failed"


def test_translations_do_not_wait_for_samples(studio):
    studio.enrolled()
    studio.send(ALICE, "alice", "hello")
    job = studio.submit("alice", "urgent")
    (item,) = studio.worker()._claims.claim({"enrol": 2, "hear": 1})
    assert item.job_id == job.id


def test_a_lost_key_file_is_said_and_no_other_is_made(studio):
    studio.enrolled()
    path = key_path(studio.bench.settings)
    assert os.stat(path).st_mode & 0o777 == 0o600
    path.unlink()
    with pytest.raises(VoiceKeyUnusable):
        studio.profile()
    with pytest.raises(VoiceKeyUnusable):
        studio.ask(BOB)
    assert not path.exists()


def test_a_host_with_another_key_makes_no_profile(studio, tmp_path):
    studio.enrolled()
    other = tmp_path / "other.key"
    other.write_bytes(base64.b64encode(bytes(32)))
    studio.bench.settings = studio.bench.settings.model_copy(update={"voice_key_file": str(other)})
    with pytest.raises(VoiceKeyUnusable, match="every host needs the same file"):
        studio.ask(BOB)
    with pytest.raises(VoiceKeyUnusable):
        studio.profile()


def test_work_without_a_job_is_counted_with_the_rest(studio):
    studio.enrolled()
    studio.send(ALICE, "alice", "hello", seconds=4.0)
    (line,) = [line for line in read_figures(studio.database).queue if line.family == "enrol"]
    assert (line.waiting, line.priority, round(line.audio_s)) == (1, 2, 4)
