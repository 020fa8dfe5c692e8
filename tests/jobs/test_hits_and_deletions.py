"""An answer that is given at the moment at which it is deleted: it keeps its audio, or it is no answer."""

import threading

import pytest
import sqlalchemy as sa

from appliance.cache.answers import forget_job
from appliance.jobs.cancel import delete_job
from appliance.jobs.documents import Request
from appliance.jobs.submit import Submission
from appliance.testing.terms import EverythingAllowed
from tests.processes.conftest import eventually


@pytest.fixture
def answered(bench):
    """A job that is done, and the same request once more."""
    job = bench.submit("good morning", "fr")
    bench.run()
    again = Submission(owner=job.owner, request=Request(targets=("fr",), consent=True), audio_sha256=job.audio_sha256)
    return bench.get(job), again


def waits_or_is_over(bench, thread) -> bool:
    """Return whether a thread waits for a lock of the database; on SQLite it can do nothing else."""
    if bench.database.is_sqlite or not thread.is_alive():
        return True
    with bench.rows() as rows:
        waiting = sa.text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        return rows.scalar(waiting) > 0


def test_an_answer_that_was_given_before_a_deletion_keeps_its_audio(bench, answered):
    job, again = answered
    deletion = threading.Thread(target=delete_job, args=(bench.database, bench.objects, job.owner, job.id))
    with bench.database.write() as connection:
        seen = bench.submitter.look(connection, again, 1000)
        hit = bench.submitter.answer(connection, again, seen)
        deletion.start()
        eventually(lambda: waits_or_is_over(bench, deletion), "the deletion waits")
    deletion.join()
    assert bench.objects.get(bench.get(hit).targets[0].spoken.object)


class Interrupted(EverythingAllowed):
    """Something comes while a job is being accepted."""

    meanwhile = staticmethod(lambda: None)

    def grant(self, *asked):
        self.meanwhile()
        return super().grant(*asked)


def test_a_language_that_was_answered_with_others_keeps_its_audio_too(bench, answered):
    job, _ = answered
    deletion = threading.Thread(target=delete_job, args=(bench.database, bench.objects, job.owner, job.id))

    def deleted_meanwhile():
        deletion.start()
        eventually(lambda: waits_or_is_over(bench, deletion), "the deletion waits")

    bench.allowance = Interrupted(bench.settings.sla_s)
    bench.allowance.meanwhile = deleted_meanwhile
    partly = bench.submit("good morning", "fr", "es")
    deletion.join()
    spoken = {target.language: target.spoken for target in bench.get(partly).targets}
    assert spoken["es"] is None
    assert bench.objects.get(spoken["fr"].object)


def test_an_answer_that_is_being_forgotten_is_none(bench, answered):
    job, again = answered
    found = []
    asking = threading.Thread(target=lambda: found.append(bench.known(again)))
    with bench.database.write() as connection:
        forget_job(connection, job.id)
        asking.start()
        eventually(lambda: waits_or_is_over(bench, asking), "the request waits")
    asking.join()
    assert found == [None]
