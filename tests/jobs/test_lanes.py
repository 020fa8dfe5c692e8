"""Paused lanes and drained workers, as claims honour them on both databases."""

import pytest
import sqlalchemy as sa

from appliance.jobs.claims import Claims
from appliance.jobs.lanes import Pause, load_pauses, pause_lane, resume_lane, set_draining
from appliance.jobs.registry import CapabilityReader, unserved_families
from appliance.jobs.reserved import LOOK_EVERY_S, load_living
from appliance.jobs.states import JobState
from appliance.pool.reading import read
from appliance.storage.tables import work_items
from appliance.workers.roles import BATCH_LIMITS
from tests.jobs.site import Site


@pytest.fixture
def site(bench):
    return Site(bench, cost=0.01)


def pause(bench, *lane):
    with bench.database.write() as connection:
        pause_lane(connection, lane, Pause(since_s=bench.clock.now_s(), actor="anna", reason="test"))


def resume(bench, *lane):
    with bench.database.write() as connection:
        resume_lane(connection, lane)


def drain(bench, worker_id, since_s=1.0):
    with bench.database.write() as connection:
        set_draining(connection, worker_id, since_s)


def taken(claims, limits=BATCH_LIMITS):
    return [item.job_id for item in claims.claim(limits)]


def test_a_paused_priority_is_passed_by_and_the_others_are_not(bench, site):
    urgent, bulk = site.note(0).id, site.note(2).id
    pause(bench, "hear", 0)
    claims = Claims(bench.database, "w0", 60.0)
    assert taken(claims) == [bulk]
    assert taken(claims) == []
    resume(bench, "hear", 0)
    # At once, without waiting for the next look: a ring comes with it.
    assert taken(claims) == [urgent]


def test_paused_items_do_not_come_along_in_a_batch(bench, site):
    first = site.note(1).id
    waiting = {site.note(2).id for _ in range(2)}
    pause(bench, "hear", 2)
    claims = Claims(bench.database, "w0", 60.0)
    assert taken(claims) == [first]
    resume(bench, "hear", 2)
    assert set(taken(claims)) == waiting


def test_only_the_paused_stage_stops(bench):
    job = bench.submit("hello", "fr")
    pause(bench, "synthesize", 0)
    worker = bench.worker()
    worker.run_until_idle()
    with bench.rows() as rows:
        waiting = rows.scalars(sa.select(work_items.c.stage).where(work_items.c.state == "ready")).all()
    assert waiting == ["synthesize"]
    resume(bench, "synthesize", 0)
    worker.run_until_idle()
    assert bench.get(job).state is JobState.DONE


def test_late_and_lost_items_of_a_paused_lane_wait_too(bench, site):
    site.note(0)
    assert len(taken(Claims(bench.database, "dead", 10.0))) == 1
    bench.clock.advance(1000.0)
    assert bench.reconcile().returned == 1
    site.note(0)
    pause(bench, "hear", 0)
    claims = Claims(bench.database, "w0", 60.0)
    assert [taken(claims) for _ in range(8)] == [[]] * 8


def test_an_unpaused_claim_sees_a_pause_three_seconds_later_at_most(bench, site):
    site.note(0), site.note(0)
    claims = Claims(bench.database, "w0", 60.0)
    assert len(taken(claims, {"hear": 1})) == 1
    pause(bench, "hear", 0)
    bench.clock.advance(LOOK_EVERY_S)
    assert taken(claims) == []


def test_a_worker_that_drains_takes_nothing_and_others_do(bench, site):
    job_id = site.note(0).id
    drain(bench, "w0")
    claims = Claims(bench.database, "w0", 60.0)
    assert taken(claims) == [] and claims.draining
    drain(bench, "w0", None)
    assert taken(claims) == [job_id] and not claims.draining
    other = site.note(0).id
    drain(bench, "w0")
    assert taken(Claims(bench.database, "w1", 60.0)) == [other]


def test_a_worker_that_drains_does_nothing_ahead_either(bench, site):
    ahead = []
    drain(bench, "w0")
    worker = bench.worker("w0")
    worker._spare = lambda: bool(ahead.append(1))
    worker.run_until_idle()
    assert ahead == []
    drain(bench, "w0", None)
    worker.run_until_idle()
    assert ahead == [1]


def test_a_worker_that_drains_serves_nothing_and_keeps_no_slot(bench, site):
    reader = CapabilityReader(bench.database)
    assert reader.unserved() == ["enrol"]
    drain(bench, "w0")
    assert "hear" in reader.unserved()
    with bench.rows() as rows:
        assert load_living(rows, 0.0) == {}
        assert "hear" in unserved_families(rows, 0.0)


def test_the_pool_starts_nobody_for_what_nobody_may_take(bench, site):
    site.note(0), site.note(2)
    pause(bench, "hear", 2)
    reading = read(bench.database, bench.settings, ["whisper"], [])
    assert reading.waiting["whisper"].jobs == 1


def test_a_look_is_one_statement_more_for_nobody(bench, site):
    """Plans, lanes and the worker's own order come with one statement, whatever is paused."""
    counted = []
    sa.event.listen(bench.database.engine, "before_cursor_execute", lambda *seen: counted.append(seen[2]))
    claims = Claims(bench.database, "w0", 60.0)

    def looked():
        counted.clear()
        claims.look()
        return len([text for text in counted if "work_items" not in text and "SELECT" in text])

    before = looked()
    pause(bench, "hear", 2)
    assert looked() == before == 1


def test_who_paused_is_kept_with_the_reason(bench):
    pause(bench, "hear", 2)
    with bench.rows() as rows:
        assert load_pauses(rows) == {
            ("hear", 2): Pause(since_s=bench.clock.now_s(), actor="anna", reason="test")
        }  # fmt: skip
