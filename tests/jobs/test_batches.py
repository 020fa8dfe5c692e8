"""A batch is written as a whole, and what goes wrong with one of its items stays with that item."""

import pytest
import sqlalchemy as sa

from appliance.audio.encode import encode
from appliance.jobs.cancel import cancel_job, delete_job
from appliance.jobs.states import JobState
from appliance.stages.gathering import GATHERED_S
from appliance.storage.tables import targets, work_items


def refuse_to_write(database, target_id, state):
    """Let the database itself refuse one state of one target."""
    condition = f"NEW.id = '{target_id}' AND NEW.state = '{state}'"
    with database.write() as connection:
        if database.is_sqlite:
            connection.execute(
                sa.text(
                    f"CREATE TRIGGER refuse BEFORE UPDATE ON targets WHEN {condition} "
                    "BEGIN SELECT RAISE(ABORT, 'refused'); END"
                )
            )
            return
        connection.execute(
            sa.text(
                "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger AS "
                "$$ BEGIN RAISE EXCEPTION 'refused'; END $$ LANGUAGE plpgsql"
            )
        )
        connection.execute(
            sa.text(
                f"CREATE TRIGGER refuse BEFORE UPDATE ON targets FOR EACH ROW WHEN ({condition}) "
                "EXECUTE FUNCTION refuse()"
            )
        )


@pytest.fixture
def no_triggers(bench):
    """Take the trigger away again: the server lives as long as the session."""
    yield
    if not bench.database.is_sqlite:
        with bench.database.write() as connection:
            connection.execute(sa.text("DROP TRIGGER IF EXISTS refuse ON targets"))


@pytest.mark.usefixtures("no_triggers")
@pytest.mark.parametrize("state", ["translating", "speaking", "verifying", "finishing", "done"])
def test_a_row_that_the_database_refuses_fails_alone(bench, state):
    good = [bench.submit(f"message {number}", "fr") for number in range(3)]
    bad = bench.submit("refused", "fr")
    refuse_to_write(bench.database, bad.targets[0].id, state)
    bench.run()
    assert {bench.get(job).state for job in good} == {JobState.DONE}
    assert (bench.get(bad).state, bench.get(bad).targets[0].error.code) == (JobState.FAILED, "engine_failed")
    with bench.rows() as rows:
        spent = rows.execute(sa.select(work_items.c.job_id, sa.func.max(work_items.c.attempts)).group_by("job_id"))
        assert dict(spent.all()) == {bad.id: bench.settings.attempts, **{job.id: 1 for job in good}}


def test_a_job_that_is_cancelled_while_its_batch_runs_is_dropped_alone(bench):
    def cancel_one(batch):
        if bench.get(doomed).state not in ("cancelled", "done"):
            cancel_job(bench.database, doomed.owner, doomed.id)

    good = [bench.submit(f"message {number}", "fr") for number in range(3)]
    doomed = bench.submit("cancelled", "fr")
    bench.transcriber._on_batch = cancel_one
    bench.run()
    assert bench.transcriber.batches == [4, 3]
    assert {bench.get(job).state for job in good} == {JobState.DONE}
    assert bench.get(doomed).state is JobState.CANCELLED
    assert bench.get(doomed).source is None


def test_a_job_that_is_deleted_before_its_batch_is_read_is_left_out(bench):
    good, gone = bench.submit("good morning", "fr"), bench.submit("gone", "fr")
    items = bench.worker()._claims.claim({"hear": 8})
    cancel_job(bench.database, gone.owner, gone.id)
    delete_job(bench.database, bench.objects, gone.owner, gone.id)
    bench.worker()._run(items)
    assert bench.transcriber.batches == [1]
    bench.run()
    assert bench.get(good).state is JobState.DONE


def test_all_languages_of_a_job_can_end_in_one_batch(bench):
    job = bench.submit("good morning", "fr", "es", webhook_url="http://127.0.0.1:9/hook")
    follower = bench.submit("good morning", "es")
    bench.run()
    assert bench.get(job).state is JobState.DONE
    assert bench.get(follower).targets[0].cached


def test_what_is_ready_does_not_wait_for_a_long_batch(bench, monkeypatch):
    jobs = [bench.submit(f"message {number}", "fr") for number in range(3)]
    seen = []

    def slow(sound, *arguments):
        with bench.rows() as rows:
            seen.append(rows.scalar(sa.select(sa.func.count()).where(targets.c.state == "done")))
        bench.clock.advance(2 * GATHERED_S)
        return encode(sound, *arguments)

    monkeypatch.setattr("appliance.stages.finish.encode", slow)
    bench.run()
    assert seen == [0, 0, 2]
    assert {bench.get(job).state for job in jobs} == {JobState.DONE}
