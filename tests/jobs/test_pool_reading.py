"""What the pool of a host reads from the database, and what it writes down."""

import os
import threading

import pytest

from appliance.jobs.claims import Claims
from appliance.jobs.lanes import set_draining
from appliance.jobs.locks import got_name
from appliance.jobs.pool_actions import KEEP_ACTIONS_S, latest_actions, record_action
from appliance.jobs.reconcile import reconcile
from appliance.jobs.registry import WorkerRegistry
from appliance.pool.reading import read
from appliance.stages.hear import hear
from appliance.workers.capabilities import capabilities_of
from appliance.workers.roles import BATCH_LIMITS

ME = os.getpid()


@pytest.fixture
def announced(bench):
    registry = WorkerRegistry(bench.database, "w1")
    registry.announce(capabilities_of(bench.engines, bench.settings), BATCH_LIMITS)
    return registry


def look(bench, *roles, pids=(ME,)):
    return read(bench.database, bench.settings, roles, pids)


def test_jobs_wait_for_the_roles_that_take_their_next_step(bench):
    first = bench.submit("good morning", "fr", "es")
    bench.clock.advance(5.0)
    bench.submit("good evening", "fr")
    waiting = look(bench, "whisper", "voice", "all").waiting
    assert (waiting["whisper"].jobs, waiting["all"].jobs, waiting["voice"].jobs) == (2, 2, 0)
    assert waiting["whisper"].slack_s == pytest.approx(first.deadline_s - bench.clock.now_s())
    assert waiting["voice"].slack_s is None


def test_a_job_with_several_languages_waits_once(bench):
    bench.submit("good morning", "fr", "es")
    hear(bench.context, Claims(bench.database, "w1", 10.0).claim({"hear": 8}))
    assert look(bench, "whisper").waiting["whisper"].jobs == 1


def test_what_a_worker_has_in_hand_is_told_with_its_age_and_audio(bench, announced):
    for text in ("one", "two"):
        bench.submit(text, "fr")
    Claims(bench.database, "w1", 10.0).claim(BATCH_LIMITS)
    bench.clock.advance(7.0)
    (batch,) = look(bench, "all").batches
    assert (batch.pid, batch.family, batch.running_s) == (ME, "hear", pytest.approx(7.0))
    assert batch.audio_s == pytest.approx(1.0)


def test_two_claims_of_one_worker_are_two_batches(bench, announced):
    claims = Claims(bench.database, "w1", 10.0)
    for text in ("one", "two"):
        bench.submit(text, "fr")
        claims.claim(BATCH_LIMITS)
        bench.clock.advance(1.0)
    assert sorted(batch.running_s for batch in look(bench, "all").batches) == pytest.approx([1.0, 2.0])


def test_other_processes_are_not_looked_at(bench, announced):
    bench.submit("one", "fr")
    Claims(bench.database, "w1", 10.0).claim(BATCH_LIMITS)
    seen = look(bench, "all", pids=())
    assert (seen.batches, dict(seen.seen_s)) == ((), {})
    assert dict(look(bench, "all").seen_s) == {ME: bench.clock.now_s()}


def test_a_process_that_an_operator_drained_is_told(bench, announced):
    assert look(bench, "all").draining == frozenset()
    with bench.database.write() as connection:
        set_draining(connection, "w1", bench.clock.now_s())
    assert look(bench, "all").draining == {ME}


def test_actions_are_kept_for_thirty_days_the_newest_first(bench):
    def note(reason):
        record_action(
            bench.database, host="h", device="card-0", role="voice", action="start", pid=7, reason=reason
        )  # fmt: skip

    note("old")
    bench.clock.advance(KEEP_ACTIONS_S + 1.0)
    note("minimum")
    note("x" * 300)
    with bench.database.read() as connection:
        newest, other = latest_actions(connection)
        assert latest_actions(connection, limit=1) == [newest]
    assert (other.reason, other.device, other.pid, other.at_s) == ("minimum", "card-0", 7, bench.clock.now_s())
    assert newest.reason == "x" * 200


def test_who_waits_for_a_round_in_progress_does_its_own_afterwards(bench, announced):
    """The pool knows of a death that the other round may have been too early to see."""
    if bench.database.is_sqlite:
        pytest.skip("SQLite has one writer at a time")
    bench.submit("one", "fr")
    Claims(bench.database, "w-of-nobody", 10.0).claim(BATCH_LIMITS)
    bench.clock.advance(11.0)
    done = []
    with bench.database.write() as other:
        assert got_name(other, "reconcile")
        assert not reconcile(bench.database, 3)
        waiter = threading.Thread(target=lambda: done.append(reconcile(bench.database, 3, wait=True)))
        waiter.start()
        waiter.join(0.2)
        assert done == []
    waiter.join(30)
    assert [round_.returned for round_ in done] == [1]
