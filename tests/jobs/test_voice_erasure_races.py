"""Erasing a profile while others are at work: workers, submissions, uploads, duties, and what died half-way."""

import threading

import pytest
import sqlalchemy as sa

from appliance.errors import NotFound, StorageUnavailable
from appliance.housekeeping.house import House
from appliance.housekeeping.voice_profiles import (
    SETTLED_LEASES,
    expire_profiles,
    finish_erasures,
)
from appliance.owner import Owner
from appliance.storage.folder import FolderStore
from appliance.storage.tables import jobs, targets
from appliance.storage.voice_tables import (
    voice_conditionings,
    voice_profiles,
    voice_samples,
    voice_tombstones,
    voice_versions,
)
from appliance.workers import worker as working
from tests.jobs.studio import ALICE

BOB = Owner("app", "bob")


@pytest.mark.parametrize("stage", ["hear", "translate", "synthesize", "finish"])
def test_a_worker_in_the_middle_of_it_leaves_nothing(studio, stage, monkeypatch):
    """The erasure comes while the batch of a stage runs; what the stage stores afterwards is taken away."""
    studio.enrolled()
    job = studio.submit("alice", "good morning")
    worker = studio.worker()
    real = working.STAGES[stage]

    def erased_meanwhile(context, items):
        if studio.count(voice_profiles):
            studio.erase()
        real(context, items)

    monkeypatch.setitem(working.STAGES, stage, erased_meanwhile)
    worker.run_until_idle()

    assert studio.bench.get(job).state == "cancelled"
    left = [name for name in studio.bench.stored() if name.startswith(("voice/", "speech/", "result/"))]
    assert left == []
    assert studio.count(voice_conditionings) == 0


def test_an_erasure_beside_submissions_and_workers_finds_every_job(studio, house):
    profile = studio.enrolled()
    over = threading.Event()
    used = sa.select(sa.func.count()).select_from(jobs).where(jobs.c.voice_profile_id == profile.profile_id)

    def submitting(number: int) -> None:
        sent = 0
        while not over.is_set():
            studio.submit("alice", f"note {number} {sent}")
            sent += 1

    def working(name: str) -> None:
        while not over.is_set():
            studio.worker(name).run_until_idle()

    hands = [threading.Thread(target=submitting, args=(number,)) for number in range(2)]
    hands += [threading.Thread(target=working, args=(name,)) for name in ("w1", "w2")]
    for hand in hands:
        hand.start()
    try:
        while any(hand.is_alive() for hand in hands):
            with studio.database.read() as connection:
                if connection.scalar(used) >= 8:
                    break
        studio.erase()
        with studio.database.read() as connection:
            found = connection.scalar(used)
    finally:
        over.set()
        for hand in hands:
            hand.join()
    studio.work()
    finish_erasures(house)

    with studio.database.read() as connection:
        assert connection.scalar(used) == found >= 8
        of_profile = sa.select(jobs.c.id, jobs.c.state).where(jobs.c.voice_profile_id == profile.profile_id)
        rows = connection.execute(of_profile).all()
        spoken = connection.scalars(
            sa.select(targets.c.spoken).where(targets.c.job_id.in_([row.id for row in rows]))
        ).all()
        kept = connection.scalars(sa.select(targets.c.id).where(targets.c.job_id.in_([row.id for row in rows]))).all()
    assert {row.state for row in rows} <= {"done", "cancelled"}
    assert all(each is None or each["erased"] for each in spoken)
    left = studio.bench.stored()
    assert [name for name in left if name.startswith("voice/")] == []
    assert [name for name in left for target_id in kept if f"/{target_id}-" in name] == []


def test_a_sample_in_a_workers_hands_is_not_written(studio, monkeypatch):
    studio.enrolled()
    studio.send(ALICE, "alice", "hello")
    real = studio.transcriber.transcribe

    def erased_meanwhile(batch):
        studio.erase()
        return real(batch)

    monkeypatch.setattr(studio.transcriber, "transcribe", erased_meanwhile)
    studio.work()
    assert studio.count(voice_samples) == studio.count(voice_versions) == 0
    assert [name for name in studio.bench.stored() if name.startswith("voice/")] == []


def test_an_upload_that_comes_too_late_leaves_nothing(studio, monkeypatch):
    studio.enrolled()
    real = studio.objects.put

    def erased_meanwhile(name, content):
        real(name, content)
        if name.startswith("voice/"):
            monkeypatch.undo()
            studio.erase()

    monkeypatch.setattr(studio.objects, "put", erased_meanwhile)
    with pytest.raises(NotFound):
        studio.send(ALICE, "alice", "hello")
    assert [name for name in studio.bench.stored() if name.startswith("voice/")] == []


def test_an_erasure_that_was_cut_off_is_finished_by_housekeeping(studio, house, monkeypatch):
    studio.enrolled()
    studio.translated("alice", "good morning")
    with monkeypatch.context() as patched:

        def away(name):
            raise StorageUnavailable

        patched.setattr(studio.objects, "delete", away)
        assert not studio.erase().complete
    assert [name for name in studio.bench.stored() if name.startswith(("voice/", "result/"))]
    assert finish_erasures(House(house.database, house.objects, house.settings, dry_run=True)).found == 1
    finish_erasures(house)
    assert [name for name in studio.bench.stored() if name.startswith(("voice/", "result/", "speech/"))] == []


def test_what_a_dying_worker_stored_after_the_erasure_goes_within_its_lease(studio, house):
    studio.enrolled()
    job = studio.submit("alice", "good morning")
    studio.erase()
    with studio.database.read() as connection:
        target_id = connection.scalar(sa.select(targets.c.id).where(targets.c.job_id == job.id))
        folder = connection.scalar(sa.select(voice_tombstones.c.pending))["results_folder"]
    late = f"speech/{folder}/{target_id}-{'0' * 64}.s16"
    studio.objects.put(late, b"spoken in her voice")
    assert finish_erasures(house).done == 1
    assert late not in studio.bench.stored()
    studio.clock.advance(SETTLED_LEASES * house.settings.lease_s + 1)
    finish_erasures(house)
    assert finish_erasures(house).found == 0


def test_a_profile_that_was_begun_anew_while_the_duty_was_at_work_stays(studio, house, tmp_path):
    """Two consents have ended; while the first profile's objects go, the other's owner begins anew."""
    for owner, name in ((ALICE, "alice"), (BOB, "bob")):
        studio.enrolled(owner, name, valid_s=1000.0)
    studio.clock.advance(1001)
    renewed = []

    class Busy(FolderStore):
        def delete(self, name: str) -> None:
            super().delete(name)
            with studio.database.read() as connection:
                left = connection.scalars(sa.select(voice_profiles.c.user_id)).all()
            if not renewed and len(left) == 1:
                owner = Owner("app", left[0])
                renewed.append(owner)
                studio.erase(owner)
                studio.enrolled(owner, owner.user_id)

    outcome = expire_profiles(House(house.database, Busy(tmp_path / "objects"), house.settings))

    assert (outcome.found, outcome.done) == (2, 1)
    assert studio.profile(renewed[0]).usable
