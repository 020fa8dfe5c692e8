"""What operators see and do over HTTP: the real application, one worker, scripted engines."""

from collections.abc import Iterator
from pathlib import Path

import jwt
import msgspec
import pytest
import sqlalchemy as sa

from appliance.access.keys import revoke_key
from appliance.admin import schema
from appliance.admin.fitting import MOST_BYTES
from appliance.audio.decoder import DecoderPool
from appliance.history.writing import write_history
from appliance.storage.tables import workers
from tests.integration.api_house import House, open_house
from tests.integration.console import ADMIN, READS, Console, fail


@pytest.fixture
def house(tmp_path: Path, decoder: DecoderPool) -> Iterator[House]:
    with open_house(tmp_path, decoder, requests_per_minute=0) as house:
        yield house


def test_applications_see_nothing_and_viewers_everything_but_the_audit(house: House) -> None:
    app, viewer = Console(house, "app", "messenger"), Console(house, "viewer", "bob")
    assert {path: app.get(path).status_code for path in (*READS, "audit", "events")} == dict.fromkeys(
        (*READS, "audit", "events"), 403
    )
    assert {path: viewer.get(path).status_code for path in READS} == dict.fromkeys(READS, 200)
    assert viewer.get("audit").status_code == 403
    assert Console(house, "admin", "root").get("audit").status_code == 200


@pytest.mark.parametrize("role", ["app", "viewer"])
def test_who_may_not_act_is_refused_before_anything_is_read(house: House, role: str) -> None:
    console = Console(house, role, "bob")
    paths = (
        "lanes/hear.p0/pause", "lanes/hear.p0/resume", "jobs/job_1/cancel", "dead-letters/job_1/retry",
        "dead-letters/retry", "workers/w1/drain", "workers/w1/undrain",
    )  # fmt: skip
    assert {console.act(path, reason="because").status_code for path in paths} == {403}
    assert console.house.client.get(f"{ADMIN}/queue", headers=house.headers(None, key=console.key)).status_code == (
        200 if role == "viewer" else 403
    )
    # The audit has each of them, once an hour.
    assert console.act("lanes/hear.p0/pause", reason="again").status_code == 403
    tried = [
        ("pause", "hear.p0"), ("resume", "hear.p0"), ("cancel", "job_1"), ("retry", "job_1"),
        ("retry_many", "dead-letters"), ("drain", "w1"), ("undrain", "w1"),
    ]  # fmt: skip
    assert Console(house).audited() == [(f"console.{action}", subject, "forbidden") for action, subject in tried[::-1]]


def test_an_administrator_may_do_all_and_a_users_token_nothing(house: House) -> None:
    root = Console(house, "admin", "root")
    assert root.act("lanes/hear.p0/pause", reason="test").status_code == 202
    me = root.read("me", schema.Me)
    assert (me.name, me.role, me.key_id) == ("root", "admin", root.key.split("_")[1])
    claims = {"iss": house.key.application_id, "sub": "alice", "aud": "meeshy", "exp": 4_000_000_000}
    headers = {"authorization": f"Bearer {jwt.encode(claims, house.key.token_secret)}"}
    assert {house.client.get(f"{ADMIN}/{path}", headers=headers).status_code for path in (*READS, "audit")} == {403}
    asked = house.client.post(
        f"{ADMIN}/lanes/hear.p0/resume", json={}, headers=headers | {"idempotency-key": "alice's"}
    )  # fmt: skip
    assert asked.status_code == 403
    entry = root.read("audit", schema.AuditPage, action="console.").entries[0]
    assert (entry.application, entry.actor, entry.action, entry.result) == (
        "messenger", "alice", "console.resume", "forbidden",
    )  # fmt: skip


def took_up(house: House, later_s: float) -> None:
    """Let the history have what is so long ago, by a round of so many seconds from now."""
    with house.database.write() as connection:
        write_history(connection, house.database.now_s(connection) + later_s)


def test_a_snapshot_tells_of_lanes_workers_and_jobs_and_of_no_text(house: House) -> None:
    took_up(house, -60.0)
    house.finished_job("a very private message")
    house.waiting_job("another private message")
    took_up(house, 30.0)
    console = Console(house)

    snapshot = console.snapshot()

    assert snapshot.schema == schema.SCHEMA
    assert [lane.name for lane in snapshot.lanes] == [f"{s}.p{p}" for s in schema.STAGES for p in schema.PRIORITIES]
    lane = next(lane for lane in snapshot.lanes if lane.name == "hear.p0")
    assert (lane.depth, lane.running, lane.state, lane.attainment) == (1, 0, "open", 1.0)
    assert lane.oldest_wait_s is not None and lane.sla_s is not None
    (worker,) = snapshot.workers
    assert (worker.id, worker.role, worker.state) == ("w1", "all", "idle")
    assert (snapshot.jobs.open, snapshot.jobs.done) == (1, 1)
    assert snapshot.quality.pairs[0].target == "fr"
    assert {part.part for part in snapshot.findings.health} == {"database", "redis", "object_store", "disk"}
    text = console.get("snapshot").text
    assert "private" not in text and "mk_" not in text


def test_everybody_gets_the_same_snapshot_within_the_interval(house: House) -> None:
    first, second = Console(house, "viewer", "a"), Console(house, "viewer", "b")
    assert first.get("snapshot").content == second.get("snapshot").content


def test_a_snapshot_of_a_large_site_stays_small(house: House) -> None:
    with house.database.write() as connection:
        now_s = house.database.now_s(connection)
        row = {"started_s": now_s, "seen_s": now_s, "capabilities": {}, "pid": 1, "families": ["hear", "translate"]}
        connection.execute(
            sa.insert(workers), [{"id": f"worker_{n:012}", "host": f"host-{n}.example.org", **row} for n in range(300)]
        )
    console = Console(house)
    for number in range(40):
        console.act("lanes/hear.p0/resume", reason=f"{number} " + "why " * 40)

    answer = console.get("snapshot")

    assert len(answer.content) <= MOST_BYTES
    snapshot = msgspec.json.decode(answer.content, type=schema.Snapshot)
    assert len(snapshot.workers) + snapshot.workers_left_out == 301
    assert len(snapshot.events) >= 5


def test_a_paused_lane_is_not_worked_on_until_it_is_resumed(house: House) -> None:
    console = Console(house)
    paused = console.act("lanes/translate.p0/pause", reason="a new pack", expected_state="open")
    assert paused.status_code == 202, paused.text
    assert (paused.json()["state"], paused.json()["running"]) == ("pausing", 0)
    job_id = house.waiting_job("hello")
    house.work()
    lane = console.lane("translate.p0")
    assert (lane.state, lane.depth, lane.paused_by, lane.paused_reason) == ("pausing", 1, "anna", "a new pack")

    house.working = True
    assert console.act("lanes/translate.p0/resume").status_code == 202

    assert console.read(f"jobs/{job_id}", schema.JobDetail).state == "done"
    assert console.audited() == [
        ("console.resume", "translate.p0", "done"),
        ("console.pause", "translate.p0", "done"),
    ]


def test_what_is_not_as_expected_is_refused_with_what_is_true(house: House) -> None:
    console = Console(house)
    console.act("lanes/hear.p1/pause", reason="one")

    again = console.act("lanes/hear.p1/pause", reason="two")

    assert (again.status_code, again.json()["code"]) == (409, "state_conflict")
    assert again.json()["now"]["state"] == "pausing"
    assert "anna" in again.json()["detail"]
    assert console.lane("hear.p1").paused_reason == "one"
    assert console.audited()[0] == ("console.pause", "hear.p1", "state_conflict")
    assert console.act("lanes/nose.p1/pause", reason="x").status_code == 404
    assert console.audited()[0] == ("console.pause", "nose.p1", "not_found")
    assert console.act("lanes/hear.p1/pause", reason="").status_code == 400
    assert console.act("lanes/hear.p1/pause", reason="x", expected_state="paused").status_code == 400


def test_an_action_needs_a_key_and_is_done_once_under_it(house: House) -> None:
    console = Console(house)
    headers = house.headers(None, key=console.key)
    assert house.client.post(f"{ADMIN}/lanes/hear.p0/pause", json={"reason": "x"}, headers=headers).status_code == 400

    first, repeated = (console.act("lanes/hear.p0/pause", key="one", reason="x") for _ in range(2))
    assert (first.status_code, repeated.status_code) == (202, 202)
    assert first.json() == repeated.json()
    other = console.act("lanes/hear.p0/pause", key="one", reason="another")
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
    refused = [console.act("lanes/hear.p0/pause", key="two", reason="x").json() for _ in range(2)]
    assert refused[0] == refused[1] and refused[0]["now"]["state"] == "pausing"
    assert [result for *_, result in console.audited()] == ["state_conflict", "idempotency_conflict", "done"]
    assert console.act("lanes/hear.p0/pause", key="one", reason="x").json() == first.json()
    # Another operator's key of the same name is another key.
    assert Console(house, "operator", "bob").act("lanes/hear.p0/resume", key="one").status_code == 202


def test_any_job_can_be_cancelled_and_only_once(house: House) -> None:
    console, job_id = Console(house), house.waiting_job("hello")
    assert console.read(f"jobs/{job_id}", schema.JobDetail).can_cancel
    answer = console.act(f"jobs/{job_id}/cancel", reason="sent twice", expected_state="open")
    assert (answer.status_code, answer.json()["state"]) == (202, "cancelled")
    again = console.act(f"jobs/{job_id}/cancel")
    assert (again.status_code, again.json()["now"]["state"]) == (409, "cancelled")
    assert console.act("jobs/job_nope/cancel").status_code == 404
    assert house.client.get(f"/api/v1/voice/job/{job_id}", headers=house.headers()).json()["state"] == "cancelled"


def test_a_drained_worker_takes_nothing_until_it_is_undrained(house: House) -> None:
    console = Console(house)
    answer = console.act("workers/w1/drain", reason="a new driver", expected_state="taking")
    assert (answer.status_code, answer.json()["state"]) == (202, "draining")
    job_id = house.waiting_job("hello")
    house.work()
    assert console.lane("hear.p0").depth == 1
    assert console.snapshot().workers[0].draining
    assert console.snapshot().findings.unserved == ("hear", "translate", "synthesize", "finish", "enrol")
    assert console.act("workers/w1/drain", reason="again").json()["now"]["state"] == "draining"

    house.working = True
    assert console.act("workers/w1/undrain").json()["state"] == "idle"

    assert console.read(f"jobs/{job_id}", schema.JobDetail).state == "done"
    assert console.act("workers/nobody/drain", reason="x").status_code == 404


def test_the_jobs_of_a_lane_come_page_by_page_by_deadline(house: House) -> None:
    ids = [house.waiting_job(f"message {number}") for number in range(5)]
    console, found, cursor = Console(house), [], {}
    while True:
        page = console.read("lanes/hear.p0/jobs", schema.JobsPage, limit=2, **cursor)
        assert page.total == 5
        found += [line.job_id for line in page.jobs]
        if page.next_cursor is None:
            break
        cursor = {"cursor": page.next_cursor}
    assert found == ids
    line = console.read("lanes/hear.p0/jobs", schema.JobsPage, limit=1).jobs[0]
    assert (line.state, line.lane, line.application, line.run_s) == ("waiting", "hear.p0", "messenger", None)
    assert console.read("lanes/hear.p0/jobs", schema.JobsPage, state="running").jobs == ()
    assert console.read("lanes/hear.p0/jobs", schema.JobsPage, total="false").total is None
    assert console.get("lanes/hear.p0/jobs", cursor="nonsense").status_code == 400


def test_a_jobs_detail_has_lengths_and_languages_and_no_text(house: House) -> None:
    job_id = house.finished_job("a very private message", "fr", "es")["job_id"]
    console = Console(house, "viewer", "bob")
    detail = console.read(f"jobs/{job_id}", schema.JobDetail)
    assert (detail.state, detail.source_language, detail.source_characters) == ("done", "en", 22)
    assert [language.language for language in detail.languages] == ["fr", "es"]
    assert all(language.characters and language.spoken_s for language in detail.languages)
    assert {"transcribe", "translate", "synthesize", "verify", "finish"} == {step.stage for step in detail.steps}
    assert not detail.can_cancel and not detail.can_retry
    assert "private" not in console.get(f"jobs/{job_id}").text
    assert console.get("jobs/job_nope").status_code == 404


def test_a_dead_letter_is_retried_as_a_job_of_its_owner(house: House) -> None:
    job_id = house.waiting_job("hello", "fr", "es")
    fail(house, job_id)
    console = Console(house)
    page = console.read("dead-letters", schema.DeadLettersPage)
    (letter,) = page.dead_letters
    assert (page.count, letter.job_id, letter.stage, letter.error, letter.attempts) == (
        1, job_id, "hear", "worker_lost", 3,
    )  # fmt: skip
    assert letter.failed_languages == ("fr", "es")
    assert console.lane("hear.p0").dead == 1

    house.working = True
    answer = console.act(f"dead-letters/{job_id}/retry", key="once", expected_state="dead")
    assert answer.status_code == 202, answer.text
    (made,) = answer.json()["job_ids"]

    of_owner = house.client.get(f"/api/v1/voice/job/{made}", headers=house.headers("alice")).json()
    assert of_owner["state"] == "done" and [t["language"] for t in of_owner["targets"]] == ["fr", "es"]
    assert console.read(f"jobs/{job_id}", schema.JobDetail).retried_as == made
    # Who polls finds the way; who follows has it with the end.
    assert house.client.get(f"/api/v1/voice/job/{job_id}", headers=house.headers("alice")).json()["retried_as"] == made
    assert made in house.client.get(f"/api/v1/voice/job/{job_id}/events", headers=house.headers("alice")).text
    assert console.read("dead-letters", schema.DeadLettersPage).count == 0
    assert console.act(f"dead-letters/{job_id}/retry", key="once", expected_state="dead").json() == answer.json()
    again = console.act(f"dead-letters/{job_id}/retry")
    assert (again.status_code, again.json()["code"]) == (409, "state_conflict")
    other = console.act(f"dead-letters/{job_id}/retry", key="once", reason="another")
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
    assert console.audited() == [
        ("console.retry", job_id, result) for result in ("idempotency_conflict", "state_conflict", "done")
    ]  # fmt: skip


def test_what_its_sender_caused_is_no_dead_letter(house: House) -> None:
    job_id = house.waiting_job("hello")
    fail(house, job_id, "no_speech")
    console = Console(house)
    assert console.read("dead-letters", schema.DeadLettersPage).count == 0
    assert console.act(f"dead-letters/{job_id}/retry").status_code == 409
    assert console.read("dead-letters", schema.DeadLettersPage, error="no_speech").count == 0


def test_many_are_retried_only_if_they_are_as_many_as_expected(house: House) -> None:
    ids = [house.waiting_job(f"message {number}") for number in range(3)]
    for job_id in ids:
        fail(house, job_id, "engine_failed" if job_id == ids[0] else "worker_lost")
    console = Console(house)
    wrong = console.act("dead-letters/retry", expected_count=2)
    assert (wrong.status_code, wrong.json()["now"]["count"]) == (409, 3)
    more = console.act("dead-letters/retry", expected_count=40_000)
    assert (more.status_code, more.json()["now"]["count"]) == (409, 3)
    assert console.read("dead-letters", schema.DeadLettersPage, error="worker_lost").count == 2

    house.working = True
    done = console.act("dead-letters/retry", error="worker_lost", expected_count=2, reason="memory was added")

    assert done.status_code == 202, done.text
    assert len(done.json()["job_ids"]) == 2 and done.json()["failed"] == {}
    left = console.read("dead-letters", schema.DeadLettersPage)
    assert [letter.job_id for letter in left.dead_letters] == ids[:1]
    assert sorted(entry[1] for entry in console.audited() if entry[0] == "console.retry") == sorted(ids[1:])


def test_dead_letters_come_page_by_page(house: House) -> None:
    ids = [house.waiting_job(f"message {number}") for number in range(3)]
    for job_id in ids:
        fail(house, job_id)
    console = Console(house)
    first = console.read("dead-letters", schema.DeadLettersPage, limit=2)
    rest = console.read("dead-letters", schema.DeadLettersPage, limit=2, cursor=first.next_cursor)
    assert [letter.job_id for letter in (*first.dead_letters, *rest.dead_letters)] == ids[::-1]
    assert rest.next_cursor is None and first.count == rest.count == 3


def test_the_audit_comes_page_by_page(house: House) -> None:
    console = Console(house)
    for number in range(3):
        console.act("lanes/hear.p0/resume", reason=f"reason {number}")
    first = console.read("audit", schema.AuditPage, limit=2, action="console.")
    rest = console.read("audit", schema.AuditPage, limit=2, action="console.", cursor=first.next_cursor)
    assert [entry.reason for entry in (*first.entries, *rest.entries)] == ["reason 2", "reason 1", "reason 0"]
    assert first.entries[0].application == "anna" and first.entries[0].actor.startswith("key:")


def test_a_revoked_key_is_refused_everywhere(house: House) -> None:
    console = Console(house)
    revoke_key(house.database, console.key.split("_")[1])
    assert {console.get(path).status_code for path in (*READS, "events")} == {401}


def test_who_waits_for_an_answer_does_not_wait_for_the_end_of_a_pause(house: House) -> None:
    console = Console(house)
    console.act("lanes/translate.p0/pause", reason="a new pack")
    answer = house.send("hello", "fr")
    assert (answer.status_code, answer.json()["state"], answer.json()["eta_s"]) == (202, "running", None)
    console.act("lanes/translate.p0/resume")
    house.work()
    assert house.client.get(answer.headers["location"], headers=house.headers()).json()["state"] == "done"
