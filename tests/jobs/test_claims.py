"""Claims under lease and fence: who may work on what, and who may write."""

import threading
from contextlib import suppress

import pytest
import sqlalchemy as sa

from appliance.jobs.claims import Claims, end_items
from appliance.jobs.registry import this_host
from appliance.jobs.states import ItemState, JobState
from appliance.owner import Owner
from appliance.storage.tables import work_items, workers
from appliance.workers.roles import BATCH_LIMITS
from tests.jobs.site import Site

NO_PROCESS = 2**30
"""Above the largest process id that Linux gives out."""


@pytest.fixture
def claims(bench):
    return Claims(bench.database, "w1", bench.settings.lease_s)


def test_the_most_urgent_batch_comes_first_whatever_was_submitted_first(bench, claims):
    late = bench.submit("late", "fr")
    bench.settings = bench.settings.model_copy(update={"sla_s": 1.0})
    urgent = bench.submit("urgent", "fr")
    assert [item.job_id for item in claims.claim({"hear": 1})] == [urgent.id]
    assert [item.job_id for item in claims.claim({"hear": 1})] == [late.id]


def test_an_urgent_item_takes_waiting_ones_along(bench, claims):
    for number in range(3):
        bench.submit(f"number {number}", "fr")
    assert len(claims.claim(BATCH_LIMITS)) == 3


def test_priority_0_has_the_seats_of_a_batch_before_what_is_due_earlier(bench):
    site = Site(bench, cost=0.01)
    waited = [site.note(1).id for _ in range(3)]
    bench.clock.advance(9.0)
    site.registries[0].seen()
    urgent = [site.note(0).id for _ in range(2)]
    claims = Claims(bench.database, "w0", 60.0)
    # The notes of P1 are due in 11 s, those of P0 in 13.
    batches = [{item.job_id for item in claims.claim({"hear": 3})} for _ in range(2)]
    assert {*urgent} < batches[0]
    assert batches[0] | batches[1] == {*urgent, *waited}


def submitted_in_turn(bench, text, count):
    ids = []
    for number in range(count):
        bench.clock.advance(1.0)
        ids.append(bench.submit(f"{text} {number}", "fr").id)
    return ids


def test_late_work_waits_for_work_that_can_still_be_in_time_but_keeps_a_share(bench):
    late = submitted_in_turn(bench, "late", 3)
    bench.clock.advance(1000.0)
    in_time = submitted_in_turn(bench, "in time", 5)
    claims = Claims(bench.database, "w1", 10)
    taken = [claims.claim({"hear": 1})[0].job_id for _ in range(8)]
    assert taken == [*in_time[:3], late[0], *in_time[3:], late[1], late[2]]


def claimed_and_done(bench, claims):
    (item,) = claims.claim({"hear": 1})
    with bench.database.write() as connection:
        assert end_items(connection, [item], ItemState.DONE) == {item.id}
    return item


@pytest.mark.parametrize("lost_is_late", [True, False])
def test_what_was_lost_with_its_worker_takes_turns_with_everything_else(bench, lost_is_late):
    urgent_s, bench.settings = bench.settings.sla_s, bench.settings.model_copy(update={"sla_s": 5000.0})
    lost = submitted_in_turn(bench, "lost", 2)
    assert len(Claims(bench.database, "dead", 10).claim({"hear": 2})) == 2
    bench.settings = bench.settings.model_copy(update={"sla_s": urgent_s})
    late = submitted_in_turn(bench, "late", 2)
    bench.clock.advance(6000.0 if lost_is_late else 1000.0)
    assert bench.reconcile().returned == 2
    in_time = submitted_in_turn(bench, "in time", 5)
    claims = Claims(bench.database, "w1", 10)
    taken = [claimed_and_done(bench, claims).job_id for _ in range(8)]
    assert taken == [in_time[0], lost[0], in_time[1], lost[1], *in_time[2:], late[0]]


def test_a_batch_that_is_in_time_takes_late_work_along_only_where_it_has_room(bench, claims):
    late = {bench.submit(f"late {number}", "fr").id for number in range(3)}
    bench.clock.advance(1000.0)
    in_time = {bench.submit(f"in time {number}", "fr").id for number in range(2)}
    taken = {item.job_id for item in claims.claim({"hear": 4})}
    assert in_time < taken and len(taken & late) == 2


def test_a_claimed_item_is_claimed_by_nobody_else(bench, claims):
    bench.submit("good morning", "fr")
    assert len(claims.claim(BATCH_LIMITS)) == 1
    assert Claims(bench.database, "w2", 10).claim(BATCH_LIMITS) == []


def test_many_threads_claim_every_item_exactly_once(bench):
    wanted = {bench.submit(f"number {number}", "fr", owner=Owner("app", f"u{number}")).id for number in range(60)}
    taken: list[str] = []

    def work(name):
        own = Claims(bench.database, name, 10)
        while items := own.claim({"hear": 3}):
            taken.extend(item.job_id for item in items)

    threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted(wanted)


def test_a_worker_that_lost_its_lease_cannot_write(bench, claims):
    job = bench.submit("good morning", "fr")
    (stale,) = claims.claim(BATCH_LIMITS)
    bench.clock.advance(bench.settings.lease_s + 1)
    assert bench.reconcile().returned == 1
    (fresh,) = Claims(bench.database, "w2", 10).claim(BATCH_LIMITS)
    with bench.database.write() as connection:
        assert end_items(connection, [stale], ItemState.DONE) == set()
    with bench.database.write() as connection:
        assert end_items(connection, [fresh], ItemState.DONE) == {fresh.id}
    assert bench.get(job).state in (JobState.QUEUED, JobState.RUNNING)


def test_a_renewed_lease_is_not_taken_away(bench, claims):
    bench.submit("good morning", "fr")
    items = claims.claim(BATCH_LIMITS)
    bench.clock.advance(bench.settings.lease_s - 1)
    claims.renew(items)
    bench.clock.advance(bench.settings.lease_s - 1)
    assert bench.reconcile().returned == 0


@pytest.mark.parametrize(("host", "returned"), [(this_host(), 1), (f"{this_host()}-other-container", 0)])
def test_a_dead_process_is_noticed_at_once_but_only_where_its_id_means_something(bench, claims, host, returned):
    bench.submit("good morning", "fr")
    claims.claim(BATCH_LIMITS)
    dead = {"id": "w1", "host": host, "pid": NO_PROCESS, "started_s": 0.0, "seen_s": 0.0, "capabilities": {}}
    with bench.database.write() as connection:
        connection.execute(sa.insert(workers).values(dead))
    assert bench.reconcile().returned == returned


def die(bench, name):
    """Let a worker's process be one that does not exist."""
    entry = {"id": name, "host": this_host(), "pid": NO_PROCESS, "started_s": 0.0, "seen_s": 0.0, "capabilities": {}}
    with bench.database.write() as connection:
        connection.execute(sa.insert(workers).values(entry))


def test_who_died_alone_of_an_item_gets_a_lease_to_come_back_before_it_is_tried_again(bench):
    job = bench.submit("deadly", "fr")
    for number, returned in ((1, 1), (2, 0)):
        assert len(Claims(bench.database, f"w{number}", bench.settings.lease_s).claim({"hear": 8})) == 1
        die(bench, f"w{number}")
        assert bench.reconcile().returned == returned
    bench.clock.advance(bench.settings.lease_s + 1)
    assert bench.reconcile().returned == 1
    assert len(Claims(bench.database, "w3", bench.settings.lease_s).claim({"hear": 8})) == 1
    die(bench, "w3")
    # The last attempt is over: nothing to wait for.
    assert bench.reconcile().lost == 1
    assert bench.get(job).error.code == "worker_lost"


def test_lost_items_are_not_tried_side_by_side_in_one_process(bench):
    lost = {bench.submit(f"lost {number}", "fr").id for number in range(3)}
    Claims(bench.database, "w0", bench.settings.lease_s).claim({"hear": 8})
    die(bench, "w0")
    assert bench.reconcile().returned == 3
    bench.clock.advance(1)
    new = bench.submit("new", "fr").id
    one, other, elsewhere = (
        Claims(bench.database, name, bench.settings.lease_s, slot) for name, slot in (("a", 0), ("a", 1), ("b", 0))
    )
    (first,) = one.claim({"hear": 8})
    assert first.job_id in lost
    assert [item.job_id for item in other.claim({"hear": 8})] == [new]
    assert other.claim({"hear": 8}) == []
    assert {item.job_id for item in elsewhere.claim({"hear": 8})} < lost
    with bench.database.write() as connection:
        assert end_items(connection, [first], ItemState.DONE)
    assert {item.job_id for item in other.claim({"hear": 8})} < lost


class Killed(BaseException):
    """Ends a worker as `kill -9` does: no handler of the product catches it, and nothing is given back."""


def test_an_input_that_kills_its_workers_fails_as_worker_lost_and_harms_no_other(bench):
    def die_of_the_deadly(batch):
        if any(heard(request) == "deadly" for request in batch):
            raise Killed

    bench.transcriber = type(bench.transcriber)(on_batch=die_of_the_deadly)
    good, bad = bench.submit("good", "fr"), bench.submit("deadly", "fr")
    for number in range(bench.settings.attempts + 1):
        with suppress(Killed):
            bench.worker(f"w{number}").run_until_idle()
        bench.clock.advance(bench.settings.lease_s + 1)
        bench.reconcile()
    assert bench.get(bad).error.code == "worker_lost"
    assert bench.get(good).state is JobState.DONE


def heard(request):
    return "".join(chr(round(float(sample) * 32768)) for sample in request.samples[:40] if sample > 0)


def test_what_a_crash_left_without_work_is_planned_again(bench):
    job = bench.submit("good morning", "fr")
    with bench.database.write() as connection:
        connection.execute(work_items.delete())
    assert bench.reconcile().replanned == 1
    bench.run()
    assert bench.get(job).state is JobState.DONE


def test_an_engine_that_breaks_on_a_batch_does_not_fail_the_healthy_items(bench):
    def break_on_company(batch):
        if any(heard(request) == "deadly" for request in batch):
            raise RuntimeError("the library crashed")

    bench.transcriber = type(bench.transcriber)(on_batch=break_on_company)
    good, bad = bench.submit("good", "fr"), bench.submit("deadly", "fr")
    bench.run()
    assert bench.get(good).state is JobState.DONE
    assert bench.get(bad).error.code == "engine_failed"


def test_what_the_databases_absence_ended_is_as_if_it_had_not_been_claimed(bench, claims):
    bench.submit("good morning", "fr")
    items = claims.claim(BATCH_LIMITS)
    claims.forgive(items[0])
    # Again, as who got no answer to the first does.
    claims.forgive(items[0])
    assert states(bench) == [("ready", 0)]


def test_a_forgiven_claim_whose_lease_ran_out_counts_no_attempt(bench, claims):
    bench.submit("good morning", "fr")
    items = claims.claim(BATCH_LIMITS)
    bench.clock.advance(bench.settings.lease_s + 1)
    bench.reconcile()
    claims.forgive(items[0])
    assert states(bench) == [("ready", 0)]


def test_what_somebody_else_has_claimed_meanwhile_stays_theirs_without_the_attempt(bench, claims):
    bench.submit("good morning", "fr")
    items = claims.claim(BATCH_LIMITS)
    bench.clock.advance(bench.settings.lease_s + 1)
    bench.reconcile()
    theirs = Claims(bench.database, "w2", bench.settings.lease_s).claim(BATCH_LIMITS)
    for _ in range(3):
        claims.forgive(items[0])
        assert states(bench) == [("claimed", 1)]
    with bench.database.write() as connection:
        assert end_items(connection, theirs, ItemState.DONE) == {items[0].id}
    claims.forgive(items[0])
    assert states(bench) == [("done", 1)]


def states(bench):
    with bench.rows() as rows:
        return [tuple(row) for row in rows.execute(sa.select(work_items.c.state, work_items.c.attempts))]
