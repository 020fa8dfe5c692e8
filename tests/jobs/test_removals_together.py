"""Deletions, expiries and erasures of the same owners at once: PostgreSQL never has to end one of them."""

import threading
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress

import pytest

from appliance.access import user_erasure
from appliance.access.user_erasure import erase_user
from appliance.errors import AlreadyFinished, NotFound
from appliance.housekeeping import ended_jobs
from appliance.housekeeping.house import House
from appliance.housekeeping.recordings import drop_recordings
from appliance.housekeeping.results import expire_results
from appliance.jobs.cancel import delete_job
from appliance.owner import Owner
from appliance.profiles import erasure
from tests.jobs.studio import ALICE
from tests.jobs.test_together import deadlocks, until_somebody_waits

BOB = Owner("app", "bob")
ROUNDS = 4


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_deletions_expiries_and_erasures_never_dead_lock(studio, monkeypatch):
    monkeypatch.setattr(ended_jobs, "AT_ONCE", 5)
    kept = {"source_ttl_s": 0.0, "result_ttl_s": 1.0}
    house = House(studio.database, studio.objects, studio.bench.settings.model_copy(update=kept))
    before = deadlocks(studio.database)
    for number in range(ROUNDS):
        jobs = [
            job for owner, name in ((ALICE, "alice"), (BOB, "bob")) for job in lived_in(studio, owner, name, number)
        ]
        studio.clock.advance(2.0)
        start = threading.Barrier(6)

        def delete(mine=jobs, start=start):
            start.wait()
            for job in mine:
                with suppress(NotFound, AlreadyFinished):
                    delete_job(studio.database, studio.objects, job.owner, job.id)

        def keep_house(duty, start=start):
            start.wait()
            duty(house)

        def erase_voice(start=start):
            start.wait()
            studio.erase(ALICE)

        def erase_all(owner, start=start):
            start.wait()
            erase_user(studio.database, studio.objects, house.settings, None, owner)

        with ThreadPoolExecutor(6) as threads:
            calls = [threads.submit(delete), threads.submit(erase_voice)]
            calls += [threads.submit(keep_house, duty) for duty in (drop_recordings, expire_results)]
            calls += [threads.submit(erase_all, owner) for owner in (ALICE, BOB)]
            wait(calls)
        for call in calls:
            call.result()
        assert studio.bench.stored() == [name for name in studio.bench.stored() if name.startswith("tombstone/")]
    assert deadlocks(studio.database) == before


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
@pytest.mark.parametrize("removal", [erasure, user_erasure])
def test_an_erasure_takes_kept_answers_and_the_number_of_a_purge_as_a_deletion_does(studio, removal, monkeypatch):
    """A deletion comes when the erasure is about to take the answers; it goes through, or waits for the erasure."""
    studio.enrolled()
    job = studio.translated("alice", "good morning", "fr", voice="stock")
    forget_owner, deletions = removal.forget_owner, []
    before = deadlocks(studio.database)

    def deleted_meanwhile(*given):
        deletions.append(threads.submit(delete_job, studio.database, studio.objects, ALICE, job.id))
        wait(deletions, timeout=0.0 if until_somebody_waits(studio.database) else 10.0)
        return forget_owner(*given)

    with ThreadPoolExecutor(1) as threads:
        monkeypatch.setattr(removal, "forget_owner", deleted_meanwhile)
        if removal is erasure:
            studio.erase()
        else:
            monkeypatch.setattr(user_erasure, "_jobs_of", lambda *_: [])
            erase_user(studio.database, studio.objects, studio.bench.settings, None, ALICE)
    for deletion in deletions:
        deletion.result()
    assert (len(deletions), deadlocks(studio.database)) == (1, before)


def lived_in(studio, owner, name, number):
    """Give a user a profile, and jobs that have ended, with what is kept of them."""
    studio.enrolled(owner, name)
    return [studio.translated(name, f"message {number} {each}", "fr", "es", owner=owner) for each in range(6)]
