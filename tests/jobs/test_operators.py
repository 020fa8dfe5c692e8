"""What operators see and do, on both databases: snapshots, pages, dead letters, actions done once."""

import itertools
import threading
from types import SimpleNamespace

import msgspec
import pytest
import sqlalchemy as sa

from appliance.admin import controls, snapshot
from appliance.admin.action_types import CancelRequest, PauseRequest
from appliance.admin.actions import perform
from appliance.admin.audit_page import load_audit
from appliance.admin.dead_letters import Filter, dead_in_lanes
from appliance.admin.happenings import load_events
from appliance.admin.jobs_page import load_jobs_page
from appliance.admin.snapshot import Snapshots
from appliance.errors import IdempotencyConflict, NoSpeech, NotFound, StateConflict, StorageUnavailable
from appliance.history.writing import SETTLED_S, write_history
from appliance.housekeeping.figures import REPEATED_WITHIN_S, forget_actions
from appliance.housekeeping.house import House
from appliance.jobs.claims import Claims
from appliance.jobs.documents import Failure
from appliance.jobs.lanes import load_pauses
from appliance.jobs.locks import hold_jobs
from appliance.jobs.outcomes import Outcome, write_outcomes
from appliance.jobs.registry import WorkerRegistry
from appliance.jobs.states import JobState
from appliance.owner import Owner
from appliance.storage.admin_tables import admin_actions
from appliance.storage.audit import of_console, record
from appliance.storage.tables import audit, jobs
from appliance.workers.roles import FAMILIES
from tests.jobs.operators import ANNA, BOB, ask, audited, dead, failed


def pausing(key="one", actor=ANNA, lane="hear.p0", reason="because"):
    return ask("pause", lane, PauseRequest(reason=reason), key, actor)


def pause(bench, asked):
    return perform(bench.database, asked, controls.pause(asked))


def test_an_action_is_done_once_whoever_repeats_it_at_the_same_time(bench):
    answers: list = []

    def act():
        answers.append(pause(bench, pausing()))

    threads = [threading.Thread(target=act) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 5 and len({answer.action_id for answer in answers}) == 1
    assert audited(bench) == [("console.pause", "key:k1", "hear.p0", "done")]


def test_of_two_operators_one_pauses_and_the_other_is_told_by_whom(bench):
    outcomes: list = []

    def act(actor):
        try:
            outcomes.append(pause(bench, pausing(actor=actor)).state)
        except StateConflict as refused:
            outcomes.append(refused.extra["now"]["says"])

    threads = [threading.Thread(target=act, args=(actor,)) for actor in (ANNA, BOB)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "pausing" in outcomes and any("was paused by" in outcome for outcome in outcomes)
    assert sorted(entry[3] for entry in audited(bench)) == ["done", "state_conflict"]


def test_a_refusal_is_kept_and_what_was_begun_is_taken_back(bench):
    asked = pausing()

    def half(connection, now_s):
        controls.pause(asked)(connection, now_s)
        raise NotFound("Half of it was done.")

    for _ in range(2):
        with pytest.raises(NotFound, match="Half"):
            perform(bench.database, asked, half)
    with bench.rows() as rows:
        assert load_pauses(rows) == {}
    assert audited(bench) == [("console.pause", "key:k1", "hear.p0", "not_found")]
    with pytest.raises(IdempotencyConflict):
        pause(bench, pausing(reason="another"))


def test_our_own_trouble_is_not_remembered_as_a_refusal(bench):
    def away(connection, now_s):
        raise StorageUnavailable("gone")

    with pytest.raises(StorageUnavailable):
        perform(bench.database, pausing(), away)
    assert audited(bench) == []
    assert pause(bench, pausing()).state == "pausing"


def test_a_key_is_forgotten_after_a_day_and_the_audit_is_not(bench):
    pause(bench, pausing())
    bench.clock.advance(REPEATED_WITHIN_S + 1)
    assert forget_actions(House(bench.database, bench.objects, bench.settings)).done == 1
    with bench.rows() as rows:
        assert rows.scalar(sa.select(sa.func.count()).select_from(admin_actions)) == 0
    assert len(audited(bench)) == 1


def test_a_cancellation_holds_no_job_while_it_waits_for_an_earlier_one(bench):
    if bench.database.is_sqlite:
        pytest.skip("SQLite has one writer at a time")
    leader, follower = led_by_a_later_id(bench)
    asked = ask("cancel", leader, CancelRequest())
    cancelling = threading.Thread(target=lambda: perform(bench.database, asked, controls.cancel(asked)))
    with bench.database.write() as connection:
        hold_jobs(connection, [follower])
        cancelling.start()
        waiting = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")
        while not connection.scalar(waiting):
            assert cancelling.is_alive()
        # As a batch that ends the leader's language does, which has the follower already.
        assert hold_jobs(connection, [leader], wait=False) == {leader}
    cancelling.join()
    with bench.rows() as rows:
        assert rows.scalar(sa.select(jobs.c.state).where(jobs.c.id == leader)) == "cancelled"


def led_by_a_later_id(bench) -> tuple[str, str]:
    """Return a job and one that follows it, whose random id comes before the leader's."""
    for number in range(64):
        leader, follower = (bench.submit(f"message {number}", "fr").id for _ in range(2))
        if follower < leader:
            return leader, follower
    raise AssertionError("64 times the later job had the later id")


def test_cancelling_ends_a_job_and_the_work_in_hand_is_dropped(bench):
    job = bench.submit("hello", "fr", "es")
    (item,) = Claims(bench.database, "w1", 60.0).claim({"hear": 1})
    asked = ask("cancel", job.id, CancelRequest())
    assert perform(bench.database, asked, controls.cancel(asked)).state == "cancelled"
    with bench.database.write() as connection:
        outcome = Outcome(item=item, failure=Failure("engine_failed", "late"))
        assert write_outcomes(connection, [outcome], bench.clock.now_s()) == set()
    assert bench.get(job).state is JobState.CANCELLED


def test_a_dead_letter_names_its_stage_and_can_be_filtered(bench):
    first, second = failed(bench, "one"), failed(bench, "two", "fr", "es")
    page = dead(bench)
    assert page.count == 2 and {letter.job_id for letter in page.dead_letters} == {first.id, second.id}
    letter = next(each for each in page.dead_letters if each.job_id == second.id)
    assert (letter.stage, letter.error, letter.attempts, letter.failed_languages) == (
        "hear", "engine_failed", 1, ("fr", "es"),
    )  # fmt: skip
    for which, count in (
        (Filter(stage="hear"), 2), (Filter(stage="finish"), 0), (Filter(priority=0), 2), (Filter(priority=1), 0),
        (Filter(error="engine_failed"), 2), (Filter(error="worker_lost"), 0), (Filter(error="no_speech"), 0),
    ):  # fmt: skip
        assert dead(bench, which).count == count, which
    with bench.rows() as rows:
        assert dead_in_lanes(rows) == {("hear", 0): 2}


def test_dead_letters_go_on_behind_the_cursor(bench):
    ids = []
    for number in range(3):
        ids.append(failed(bench, f"message {number}").id)
        bench.clock.advance(1)
    first = dead(bench, limit=2)
    rest = dead(bench, limit=2, cursor=first.next_cursor)
    assert [each.job_id for each in (*first.dead_letters, *rest.dead_letters)] == ids[::-1]


def test_what_its_sender_caused_or_whose_recording_is_gone_is_no_dead_letter(bench):
    failed(bench, "one", error=NoSpeech())
    second = failed(bench, "two")
    with bench.database.write() as connection:
        pcm = connection.scalar(sa.select(jobs.c.audio).where(jobs.c.id == second.id))
        connection.execute(sa.update(jobs).where(jobs.c.id == second.id).values(audio={**pcm, "pcm": ""}))
    assert dead(bench).count == 0


def test_the_jobs_of_a_lane_come_by_deadline_with_what_runs(bench):
    ids = []
    for number in range(4):
        bench.clock.advance(1)
        ids.append(bench.submit(f"message {number}", "fr").id)
    (taken,) = Claims(bench.database, "w1", 60.0).claim({"hear": 1})
    bench.clock.advance(5)
    with bench.rows() as rows:
        first = load_jobs_page(rows, bench.clock.now_s(), ("hear", 0), None, 3, None)
        rest = load_jobs_page(rows, bench.clock.now_s(), ("hear", 0), None, 3, first.next_cursor)
        running = load_jobs_page(rows, bench.clock.now_s(), ("hear", 0), "running", 3, None)
        uncounted = load_jobs_page(rows, bench.clock.now_s(), ("hear", 0), None, 3, None, counted=False)
        other = load_jobs_page(rows, bench.clock.now_s(), ("translate", 0), None, 3, None)
    assert [line.job_id for line in (*first.jobs, *rest.jobs)] == ids
    assert (first.total, running.total, rest.next_cursor) == (4, 1, None)
    assert (uncounted.total, uncounted.jobs) == (None, first.jobs)
    assert (other.total, other.jobs) == (0, ())
    (line,) = running.jobs
    assert (line.job_id, line.worker_id, line.run_s, line.attempts) == (taken.job_id, "w1", 5.0, 1)


def take_up(bench):
    with bench.database.write() as connection:
        write_history(connection, bench.clock.now_s())


def test_a_snapshot_is_of_one_moment_and_of_no_text(bench):
    take_up(bench)
    WorkerRegistry(bench.database, "w1").announce(bench._capabilities(), FAMILIES, 2)
    bench.submit("a very private message", "fr")
    bench.run()
    # First, since a claim takes either of two that are due at the same moment.
    failed(bench, "another private message")
    bench.submit("a third private message", "fr")
    bench.clock.advance(SETTLED_S + 1)
    take_up(bench)
    WorkerRegistry(bench.database, "w1").seen()
    snapshots = Snapshots(bench.database, bench.settings, bench.clock)
    sequence, encoded = snapshots.make_encoded()
    snapshot = snapshots.make()
    assert snapshot.sequence > sequence
    assert (snapshot.lanes[0].name, snapshot.lanes[0].depth, snapshot.findings.dead) == ("hear.p0", 1, 1)
    assert (snapshot.workers[0].slots, snapshot.jobs.done, snapshot.quality.spoken) == (2, 1, 1)
    assert any(event.kind == "job" and event.severity == "error" for event in snapshot.events)
    assert b"private" not in encoded and len(encoded) < 20_000


@pytest.mark.parametrize(("took_s", "every_s"), [(0.002, 0.0), (0.005, 5.0), (0.05, 10.0)])
def test_a_queue_that_takes_long_to_count_is_counted_less_often(bench, monkeypatch, took_s, every_s):
    ticks = itertools.count()
    monkeypatch.setattr(snapshot, "time", SimpleNamespace(thread_time=lambda: next(ticks) * took_s))
    snapshots = Snapshots(bench.database, bench.settings, bench.clock)

    def depth():
        return snapshots.make().lanes[0].depth

    # The first look says nothing of how long one takes: it is made ready besides.
    assert depth() == depth() == 0
    bench.submit("hello", "fr")
    assert depth() == (0 if every_s else 1)
    bench.clock.advance(every_s - 0.1 if every_s else 0.0)
    assert depth() == (0 if every_s else 1)
    bench.clock.advance(0.1)
    assert depth() == 1


def test_the_audit_and_the_events_tell_of_actions_with_their_reasons(bench):
    pause(bench, pausing())
    with pytest.raises(StateConflict):
        pause(bench, pausing("two", reason="again"))
    with bench.rows() as rows:
        events = load_events(rows, bench.clock.now_s())
        page = load_audit(rows, bench.clock.now_s(), 1, None, "console.")
        rest = load_audit(rows, bench.clock.now_s(), 5, int(page.next_cursor), "console.")
    assert {event.text for event in events} == {
        "pause by app_console: because", "pause by app_console refused (state_conflict): again",
    }  # fmt: skip
    assert [(each.reason, each.result) for each in (*page.entries, *rest.entries)] == [
        ("again", "state_conflict"), ("because", "done"),
    ]  # fmt: skip
    assert "because" in msgspec.json.encode(rest).decode()


def test_what_operators_did_is_found_without_a_walk_over_all_that_was_spoken(bench):
    now_s = bench.clock.now_s()
    spoken = {"at_s": now_s, "application_id": "app", "user_id": "alice", "action": "consent_attested", "detail": {}}
    with bench.database.write() as connection:
        connection.execute(sa.insert(audit), [{"subject": f"job_{number}", **spoken} for number in range(1000)])
        record(connection, Owner("app", "key:k1"), "console.pause", "hear.p0", now_s, result="done", reason="")
        connection.exec_driver_sql("ANALYZE audit")
    newest = sa.select(audit.c.id).where(of_console(), audit.c.at_s >= 0.0).order_by(audit.c.at_s.desc()).limit(30)
    asked = newest.compile(bench.database.engine, compile_kwargs={"literal_binds": True})
    explain = "EXPLAIN QUERY PLAN" if bench.database.is_sqlite else "EXPLAIN"
    with bench.rows() as rows:
        plan = "\n".join(str(row) for row in rows.exec_driver_sql(f"{explain} {asked}"))
        assert len(rows.execute(newest).all()) == 1
    assert "ix_audit_console_at_s" in plan
