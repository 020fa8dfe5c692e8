"""Paused lanes and drained workers, as claims honour them on both databases."""

import pytest
import sqlalchemy as sa

from appliance.admin.lanes import load_lanes, load_looks
from appliance.admin.live_types import STAGES, STALE_S, Lane
from appliance.admin.workers import load_workers, role_of
from appliance.jobs.claims import Claims, end_items
from appliance.jobs.lanes import Pause, load_pauses, set_draining
from appliance.jobs.registry import SEEN_WITHIN_S, CapabilityReader, this_host, unserved_families
from appliance.jobs.reserved import VIEW_S, load_living
from appliance.jobs.states import ItemState, JobState
from appliance.pool.reading import read
from appliance.storage.tables import jobs, work_items, workers
from appliance.workers.roles import BATCH_LIMITS, ROLES
from tests.jobs.operators import pause, resume
from tests.jobs.site import Site

NO_PROCESS = 2**30


@pytest.fixture
def site(bench):
    return Site(bench, cost=0.01)


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
    bench.clock.advance(VIEW_S)
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


def lane(bench, name):
    with bench.rows() as rows:
        now_s = bench.clock.now_s()
        lanes = load_lanes(rows, bench.settings, now_s, load_looks(rows, now_s))
    return next(each for each in lanes if each.name == name)


def test_a_lane_is_paused_once_every_worker_has_seen_it_and_nothing_runs(bench, site):
    site.note(0), site.note(0)
    items = Claims(bench.database, "w0", 60.0).claim({"hear": 1})
    pause(bench, "hear", 0)
    states = []
    for _ in range(2):
        states.append((lane(bench, "hear.p0").state, lane(bench, "hear.p0").running))
        bench.clock.advance(VIEW_S)
    with bench.database.write() as connection:
        end_items(connection, items, ItemState.DONE)
    states.append((lane(bench, "hear.p0").state, lane(bench, "hear.p0").running))
    assert states == [("pausing", 1), ("pausing", 1), ("paused", 0)]
    assert (lane(bench, "hear.p0").paused_ago_s, lane(bench, "hear.p1").state) == (2 * VIEW_S, "open")


def test_lanes_tell_waits_and_deadlines(bench, site):
    site.note(0), site.note(2)
    bench.clock.advance(10.0)
    urgent, bulk = lane(bench, "hear.p0"), lane(bench, "hear.p2")
    # Notes of 5 s: due after 3 + 10 and 30 + 10 s.
    assert (urgent.depth, urgent.overdue, urgent.oldest_wait_s) == (1, 0, 10.0)
    assert urgent.oldest_of_sla == pytest.approx(10 / 13, abs=1e-3)
    assert bulk.oldest_of_sla == pytest.approx(10 / 40, abs=1e-3)
    bench.clock.advance(10.0)
    assert (lane(bench, "hear.p0").overdue, lane(bench, "hear.p2").overdue) == (1, 0)
    assert lane(bench, "translate.p0") == Lane(
        name="translate.p0", stage="translate", priority=0, sla_s=lane(bench, "translate.p0").sla_s, ended=0
    )


def test_lanes_tell_how_many_of_their_priority_ended_and_how_many_of_these_in_time(bench):
    in_time, late, failed = (bench.submit(f"note {number}", "fr") for number in range(3))
    bench.submit("open", "fr")
    now_s = bench.clock.now_s()
    ends = {in_time.id: (JobState.DONE, 1.0), late.id: (JobState.DONE, -1.0), failed.id: (JobState.FAILED, 1.0)}
    with bench.database.write() as connection:
        for job_id, (state, left_s) in ends.items():
            connection.execute(
                sa.update(jobs)
                .where(jobs.c.id == job_id)
                .values(state=state, finished_s=now_s, deadline_s=now_s + left_s)
            )
    told = {(lane(bench, f"{stage}.p0").ended, lane(bench, f"{stage}.p0").attainment) for stage in STAGES}
    assert told == {(3, 0.3333)}
    assert (lane(bench, "hear.p1").ended, lane(bench, "hear.p1").attainment) == (0, None)


def worker(bench):
    with bench.rows() as rows:
        (found,), _ = load_workers(rows, bench.clock.now_s())
    return found


def test_a_worker_is_drained_once_it_has_seen_it_and_has_nothing_in_hand(bench, site):
    site.note(0)
    assert worker(bench).state == "idle"
    items = Claims(bench.database, "w0", 60.0).claim({"hear": 1})
    assert (worker(bench).state, worker(bench).batches[0].key) == ("busy", "hear:medium")
    drain(bench, "w0", bench.clock.now_s())
    bench.clock.advance(VIEW_S)
    assert worker(bench).state == "draining"
    with bench.database.write() as connection:
        end_items(connection, items, ItemState.DONE)
    assert worker(bench).state == "drained"
    bench.clock.advance(20.0)
    assert worker(bench).state == "stale"


def test_roles_are_called_as_the_command_line_calls_them():
    assert {role: role_of(sorted(families)) for role, families in ROLES.items()} == {role: role for role in ROLES}
    assert role_of(["hear"]) == "hear"


def test_a_worker_whose_death_is_known_goes_from_the_list_and_one_that_is_silent_stays(bench, site):
    now_s = bench.clock.now_s()
    died = {"host": this_host(), "pid": NO_PROCESS, "started_s": now_s, "seen_s": now_s, "capabilities": {}}
    silent = died | {"host": "elsewhere", "seen_s": now_s - STALE_S - 1}
    with bench.database.write() as connection:
        connection.execute(sa.insert(workers), [{"id": "died", **died}, {"id": "silent", **silent}])
    bench.reconcile()
    with bench.rows() as rows:
        shown, _ = load_workers(rows, bench.clock.now_s())
    assert {worker.id: worker.state for worker in shown} == {"w0": "idle", "silent": "stale"}


@pytest.mark.parametrize(
    ("silent", "living", "told"), [(1, 70, (1, 63)), (40, 70, (32, 32)), (70, 10, (54, 10)), (3, 4, (3, 4))]
)
def test_silent_workers_are_told_first_and_leave_room_for_those_that_live(bench, silent, living, told):
    now_s = bench.clock.now_s()
    row = {"host": "elsewhere:1", "pid": 7, "started_s": now_s, "capabilities": {}}
    with bench.database.write() as connection:
        connection.execute(
            sa.insert(workers),
            [{"id": f"z{number}", "seen_s": now_s - STALE_S - 1, **row} for number in range(silent)]
            + [{"id": f"a{number}", "seen_s": now_s, **row} for number in range(living)],
        )
    with bench.rows() as rows:
        shown, left_out = load_workers(rows, now_s)
    states = [worker.state for worker in shown]
    assert (states.count("stale"), states.count("idle")) == told
    both = 2 * min(told)
    # Whatever a picture has room for, there are some of both.
    assert states[:both] == ["stale", "idle"] * min(told)
    assert left_out == silent + living - sum(told)


def test_console_and_workers_agree_on_who_is_silent():
    assert STALE_S == SEEN_WITHIN_S
