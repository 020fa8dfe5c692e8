"""Samples of a profile: judged before anything is learnt from them, and what they make of it."""

import pytest

from appliance.errors import (
    AudioTooLong,
    IdempotencyConflict,
    RateLimited,
    StorageUnavailable,
)
from appliance.owner import Owner
from appliance.profiles.samples import MOST_WAITING, Samples
from appliance.status.figures import read_figures
from tests.jobs.studio import ALICE

BOB = Owner("app", "bob")
ALICE_ELSEWHERE = Owner("other", "alice")


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


def test_a_version_that_is_worse_is_rolled_back_by_itself(studio):
    studio.enrolled()
    studio.clock.advance(1.0)
    assert studio.judged(ALICE, "alice, bright", "sample 1").state == "accepted"
    held = studio.profile()

    sample = studio.judged(ALICE, "alice, hoarse", "sample 2")

    profile = studio.profile()
    assert (sample.state, sample.reasons[0].code) == ("set_aside", "set_aside")
    assert (profile.version, profile.clean_speech_s) == (held.version, held.clean_speech_s)
    assert profile.versions[-1].state == "rolled_back"
    assert profile.versions[-1].similarity < profile.versions[-1].similarity_before
    assert studio.judged(ALICE, "alice", "sample 3").state == "accepted"
    assert studio.profile().version == profile.versions[-1].version + 1


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


def test_a_sample_whose_commit_was_not_answered_keeps_its_recording(studio, monkeypatch):
    studio.enrolled()
    insert = Samples._insert

    def unanswered(*given):
        insert(*given)
        raise StorageUnavailable("The database does not answer.")

    with monkeypatch.context() as lost:
        lost.setattr(Samples, "_insert", unanswered)
        with pytest.raises(StorageUnavailable):
            studio.send(ALICE, "alice", "sample 1")
    assert studio.judged(ALICE, "alice", "sample 1").state == "accepted"


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


def test_work_without_a_job_is_counted_with_the_rest(studio):
    studio.enrolled()
    studio.send(ALICE, "alice", "hello", seconds=4.0)
    (line,) = [line for line in read_figures(studio.database).queue if line.family == "enrol"]
    assert (line.waiting, line.priority, round(line.audio_s)) == (1, 2, 4)
