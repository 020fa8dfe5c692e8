"""Dead letters that are tried again, on both databases: as jobs of their owners, under everything that binds these."""

import threading

import pytest
import sqlalchemy as sa

from appliance.access.plans import change_plan
from appliance.access.user_erasure import erase_user
from appliance.admin.action_types import RetryRequest
from appliance.admin.job_detail import load_job_detail
from appliance.admin.retries import retry
from appliance.errors import NotFound, Overloaded, QuotaExceeded, StateConflict
from appliance.housekeeping.house import House
from appliance.housekeeping.recordings import drop_recordings
from appliance.jobs.cancel import delete_job
from appliance.jobs.endings import cancel_targets
from appliance.owner import Owner
from appliance.storage.admin_tables import admin_actions
from appliance.storage.folder import FolderStore
from appliance.storage.tables import jobs, usage
from tests.jobs.operators import Interrupted, ask, audited, dead, failed, gold, number_of_jobs
from tests.jobs.site import Site


def again(bench, job, key="one", submitter=None):
    return retry(bench.database, submitter or bench.submitter, ask("retry", job.id, RetryRequest(), key))


def counted(bench, what):
    with bench.rows() as rows:
        return rows.scalar(sa.select(what))


def test_a_retry_makes_a_job_of_what_failed_and_marks_the_old_one(bench):
    job = failed(bench, "hello", "fr", "es")
    answer = again(bench, job)
    bench.run()
    (made,) = answer.job_ids
    with bench.rows() as rows:
        detail = load_job_detail(rows, bench.clock.now_s(), made)
        old = load_job_detail(rows, bench.clock.now_s(), job.id)
    assert (detail.state, old.state, old.retried_as, old.can_retry) == ("done", "failed", made, False)
    assert bench.get(job).retried_as == made
    assert again(bench, job) == answer
    with pytest.raises(StateConflict):
        again(bench, job, "two")
    assert dead(bench).count == 0
    assert [entry[3] for entry in audited(bench)] == ["done", "state_conflict"]


def test_who_is_killed_before_the_answer_has_made_one_job_with_its_mark_and_its_row_in_the_audit(bench):
    job = failed(bench)

    class Killed(BaseException):
        pass

    def kill():
        raise Killed

    with pytest.raises(Killed):
        again(bench, job, submitter=Interrupted(bench, after=kill))
    assert (dead(bench).count, number_of_jobs(bench)) == (0, 2)
    assert [(entry[0], entry[2], entry[3]) for entry in audited(bench)] == [("console.retry", job.id, "done")]
    # The same request is told what became of it, another one that it is no dead letter any more.
    assert again(bench, job).state == "retried"
    with pytest.raises(StateConflict):
        again(bench, job, "two")
    assert number_of_jobs(bench) == 2


class TestWhatIsRefused:
    def test_by_admission_is_audited_and_tried_again_by_a_repetition(self, bench):
        job = failed(bench, owner=Owner("app", "p2"))
        site = Site(bench)
        notes = [site.note(2) for _ in range(3)]
        # So that they are due before it.
        bench.clock.advance(10.0)
        site.registries[0].seen()
        for _ in range(2):
            with pytest.raises(Overloaded) as refusal:
                again(bench, job)
            assert refusal.value.retry_after_s >= 1
        assert counted(bench, sa.func.count(admin_actions.c.id)) == 0
        with bench.database.write() as connection:
            for note in notes:
                cancel_targets(connection, note.id, bench.clock.now_s())
        assert again(bench, job).state == "retried"
        assert [entry[3] for entry in audited(bench)] == ["overloaded", "overloaded", "done"]

    def test_by_a_quota_is_remembered_with_when_to_come_back(self, bench):
        owner = gold(bench)
        job = failed(bench, owner=owner)
        change_plan(bench.database, "enterprise", {"translations_per_month": "0"})
        refusals = []
        for _ in range(2):
            with pytest.raises(QuotaExceeded) as refusal:
                again(bench, job)
            refusals.append((refusal.value.retry_after_s, refusal.value.detail, refusal.value.extra))
        assert refusals[0] == refusals[1]
        assert refusals[0][0] >= 1
        assert [entry[3] for entry in audited(bench)] == ["quota_exceeded"]


def test_a_retry_costs_its_owner_neither_the_recordings_seconds_nor_its_bytes_again(bench):
    owner = gold(bench)
    job = failed(bench, "hello", "fr", owner=owner)
    columns = (usage.c.audio_s, usage.c.recording_bytes, jobs.c.stored_bytes)
    before = [counted(bench, sa.func.sum(column)) for column in columns]
    change_plan(bench.database, "enterprise", {"audio_s_per_day": str(before[0]), "stored_bytes": str(before[2])})
    again(bench, job)
    bench.run()
    assert [counted(bench, sa.func.sum(column)) for column in columns[:2]] == before[:2]
    # What it made is stored anew.
    assert counted(bench, sa.func.sum(usage.c.translations)) == 1
    # And still counts when the recording goes, which the first job alone had counted.
    bench.clock.advance(bench.settings.source_ttl_s + 1)
    drop_recordings(House(bench.database, bench.objects, bench.settings))
    left_bytes = sum(entry.size_bytes for entry in bench.objects.entries(""))
    assert counted(bench, sa.func.sum(jobs.c.stored_bytes)) == left_bytes > 0


class TestWhatIsDeletedMeanwhile:
    def test_a_job_that_goes_before_it_is_taken_up_is_not(self, bench):
        job = failed(bench)

        def delete():
            delete_job(bench.database, bench.objects, job.owner, job.id)

        with pytest.raises(NotFound):
            again(bench, job, submitter=Interrupted(bench, before=delete))
        assert (number_of_jobs(bench), bench.stored()) == (0, [])
        assert [entry[3] for entry in audited(bench)] == ["not_found"]

    def test_a_recording_that_goes_before_it_is_taken_up_makes_no_job(self, bench):
        job = failed(bench)

        def expire():
            with bench.database.write() as connection:
                audio = connection.scalar(sa.select(jobs.c.audio).where(jobs.c.id == job.id))
                connection.execute(sa.update(jobs).where(jobs.c.id == job.id).values(audio={**audio, "pcm": ""}))

        with pytest.raises(StateConflict):
            again(bench, job, submitter=Interrupted(bench, before=expire))
        assert number_of_jobs(bench) == 1

    def test_who_deletes_it_while_it_is_taken_up_waits_and_leaves_the_recording(self, bench):
        if bench.database.is_sqlite:
            pytest.skip("SQLite has one writer at a time")
        job = failed(bench)
        deleting = threading.Thread(target=delete_job, args=(bench.database, bench.objects, job.owner, job.id))
        waiting = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")

        def delete(connection):
            deleting.start()
            while not connection.scalar(waiting):
                assert deleting.is_alive()

        answer = again(bench, job, submitter=Interrupted(bench, within=delete, after=deleting.join))
        assert answer.state == "retried" and number_of_jobs(bench) == 1
        assert job.audio.pcm in bench.stored()
        bench.run()
        assert counted(bench, jobs.c.state) == "done"

    def test_an_erasure_that_has_begun_takes_what_is_taken_up_meanwhile(self, bench, tmp_path):
        first, second = failed(bench, "one"), failed(bench, "two")

        class Meanwhile(FolderStore):
            """Between the erasure of one job and that of the next, an operator retries the other."""

            retried = False

            def delete(self, name):
                super().delete(name)
                if not self.retried:
                    self.retried = True
                    bench.clock.advance(1.0)
                    with bench.rows() as rows:
                        left = rows.scalar(sa.select(jobs.c.id))
                    again(bench, first if first.id == left else second)

        objects = Meanwhile(tmp_path / "objects")
        erase_user(bench.database, objects, bench.settings, None, first.owner)
        assert objects.retried
        assert (number_of_jobs(bench), bench.stored()) == (0, [])
