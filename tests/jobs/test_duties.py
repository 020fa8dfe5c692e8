"""Each housekeeping duty on both databases: what it takes away, what it leaves, that a dry run changes nothing."""

import os
import socket
from contextlib import closing

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from appliance.cache.keys import owner_digest
from appliance.cache.phrase_days import LookUps, count_days
from appliance.cache.purges import note_purge
from appliance.cli import main
from appliance.clock import SystemClock
from appliance.errors import StorageUnavailable
from appliance.housekeeping.duties import DUTIES, Duty
from appliance.housekeeping.house import House, Outcome
from appliance.housekeeping.orphans import spare_orphans
from appliance.housekeeping.phrases import JOBS_AT_ONCE, SETTLED_S
from appliance.housekeeping.rounds import Rounds, last_records
from appliance.jobs.claims import Claims
from appliance.jobs.registry import WorkerRegistry
from appliance.jobs.usage import day_of
from appliance.owner import Owner
from appliance.profiles.folder import profile_digest
from appliance.settings import Settings
from appliance.storage.admin_tables import admin_actions, history, tallies
from appliance.storage.database import Database
from appliance.storage.folder import FolderStore
from appliance.storage.opening import open_store
from appliance.storage.tables import cached_answers, events, jobs, outbox, purges, rate_windows, workers
from appliance.storage.voice_tables import voice_conditionings, voice_profiles, voice_tombstones
from appliance.telemetry.metrics import Metrics
from appliance.workers.capabilities import capabilities_of
from appliance.workers.worker import Worker
from tests.jobs.studio import Studio

DAY_S = 86400.0


@pytest.fixture
def bench(bench, tmp_path, clock):
    bench.objects = FolderStore(tmp_path / "objects", clock=clock)
    return bench


def house(bench, *, dry_run=False):
    return House(bench.database, bench.objects, bench.settings, dry_run=dry_run)


def do(bench, name, *, dry_run=False):
    return DUTIES[name].do(house(bench, dry_run=dry_run))


def rows(bench, table):
    with bench.rows() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(table))


def everything(bench):
    with bench.rows() as connection:
        tables = (jobs, cached_answers, events, outbox, purges, rate_windows, workers, voice_profiles, voice_tombstones)
        tables += (admin_actions, history, tallies)
        return bench.stored(), [connection.execute(sa.select(table)).all() for table in tables]


def aged(bench, name, age_s):
    """Make an object's file so old, by the clock that the test moves."""
    at_s = bench.clock.now_s() - age_s
    os.utime(bench.objects._folder / name, (at_s, at_s))


def stale_appliance(bench):
    """Leave something behind for every duty."""
    bench.submit("good morning", "fr", webhook_url="http://hooks.intranet/x")
    bench.run()
    with bench.database.write() as connection:
        connection.execute(sa.update(outbox).values(state="delivered"))
        connection.execute(
            sa.insert(rate_windows).values(
                application_id="app", user_id="bob", kind="any", window_start_s=int(bench.clock.now_s()), requests=1
            )
        )
        asked = {"key_id": "k1", "idempotency_key": "one", "request_sha256": ""}
        connection.execute(sa.insert(admin_actions).values(id="action_1", at_s=bench.clock.now_s(), **asked))
        connection.execute(sa.insert(tallies).values(at_s=bench.clock.now_s(), document={"counts": {"requests": 1}}))
        note_purge(connection, Owner("app", "bob"), "job_forgotten", ["1" * 64], bench.clock.now_s())
        connection.execute(sa.update(purges).values(forgotten=True))
        note_purge(connection, Owner("app", "bob"), "job_gone", ["0" * 64], bench.clock.now_s())
        count_days(connection, {(day_of(bench.clock.now_s()), ("en", "fr")): LookUps(misses=1)})
    able = capabilities_of(bench.engines, bench.settings)
    WorkerRegistry(bench.database, "old").announce(able, ["hear"])
    bench.clock.advance(1.0)
    WorkerRegistry(bench.database, "new").announce(able, ["hear"])
    for name in ("pcm/0a/left.s16", "speech/0a/left.s16", "result/0a/left.wav"):
        bench.objects.put(name, b"left")
    bench.submit("still to do", "fr")
    Claims(bench.database, "w1", bench.settings.lease_s).claim({"hear": 8})
    erased_and_risen(bench)
    bench.clock.advance(500 * DAY_S)
    for entry in bench.objects.entries(""):
        aged(bench, entry.name, 2 * 3600.0)
    unfinished = bench.objects._folder / "pcm" / ".half.s16.0123abcd"
    unfinished.write_bytes(b"half")
    aged(bench, "pcm/.half.s16.0123abcd", 2 * 3600.0)


def erased_and_risen(bench):
    """Leave an erased profile that nobody looked at again, and one that waits for consent though it was erased."""
    studio = Studio(bench)
    studio.ask(Owner("app", "carol"))
    studio.erase(Owner("app", "carol"))
    profile = studio.ask(Owner("app", "bob"))
    with bench.database.write() as connection:
        connection.execute(
            sa.insert(voice_conditionings).values(
                id="voice_of_bob", profile_id=profile.profile_id, version=1, synthesizer="any", language="fr",
                voice=b"sealed", created_s=bench.clock.now_s(), used_s=bench.clock.now_s(),
            )
        )  # fmt: skip
        connection.execute(
            sa.insert(voice_tombstones).values(
                id="tomb_of_bob", owner_digest=owner_digest(Owner("app", "bob")),
                profile_digest=profile_digest(profile.profile_id), reason="asked", erased_s=bench.clock.now_s(),
                counts={},
            )
        )  # fmt: skip


@pytest.mark.parametrize("name", DUTIES)
def test_a_dry_run_finds_what_the_real_one_does_and_changes_nothing(bench, name):
    stale_appliance(bench)
    before = everything(bench)
    dry = do(bench, name, dry_run=True)
    assert (everything(bench), dry.done) == (before, 0)
    real = do(bench, name)
    assert real.found == real.done == dry.found > 0
    assert do(bench, name).found == 0


def test_a_dry_run_reads_as_many_jobs_for_the_phrases_as_a_real_one(bench):
    bench.submit("good morning", "fr")
    bench.run()
    for _ in range(2 * JOBS_AT_ONCE):
        bench.submit("good morning", "fr")
    bench.clock.advance(2 * SETTLED_S)
    dry, real = do(bench, "phrases", dry_run=True), do(bench, "phrases")
    assert dry.found == real.found == real.done == 2 * JOBS_AT_ONCE + 1
    assert do(bench, "phrases").found == 0


def test_erasures_that_every_cache_has_outlived_are_told_as_done(bench):
    with bench.database.write() as connection:
        for number in range(3):
            note_purge(connection, Owner("app", "bob"), f"job_{number}", [], bench.clock.now_s())
        connection.execute(sa.update(purges).values(forgotten=True))
    assert do(bench, "purges") == Outcome(found=0, done=0)
    bench.clock.advance(max(bench.settings.audio_ttl_s, bench.settings.phrase_audio_ttl_s) + 1.0)
    assert do(bench, "purges", dry_run=True) == Outcome(found=3, done=0)
    assert do(bench, "purges") == Outcome(found=3, done=3)
    assert rows(bench, purges) == 0


def test_ended_webhooks_go_and_waiting_ones_stay_however_old(bench):
    for text in ("one", "two"):
        bench.submit(text, "fr", webhook_url=f"http://hooks.intranet/{text}")
    bench.run()
    with bench.database.write() as connection:
        connection.execute(sa.update(outbox).where(outbox.c.destination.endswith("one")).values(state="failed"))
    bench.clock.advance(bench.settings.webhooks_ttl_s - 1)
    assert do(bench, "webhooks").done == 0
    bench.clock.advance(2)
    assert do(bench, "webhooks").done == 1
    with bench.rows() as connection:
        assert connection.scalars(sa.select(outbox.c.state)).all() == ["waiting"]


def test_an_object_of_an_upload_that_is_just_being_accepted_is_no_orphan(bench):
    bench.objects.put("pcm/0a/young.s16", b"samples")
    aged(bench, "pcm/0a/young.s16", 3500.0)
    assert do(bench, "orphan_objects") == Outcome(found=0, done=0)
    aged(bench, "pcm/0a/young.s16", 3700.0)
    assert do(bench, "orphan_objects") == Outcome(found=1, done=1)


def test_objects_that_a_restored_database_does_not_know_stay_as_long_as_was_said(bench):
    bench.objects.put("voice/0a/sample", b"sealed")
    until_s = spare_orphans(bench.database, DAY_S)
    assert until_s == bench.clock.now_s() + DAY_S
    bench.clock.advance(DAY_S - 1)
    aged(bench, "voice/0a/sample", 2 * DAY_S)
    assert do(bench, "orphan_objects") == Outcome(found=1, done=0)
    assert bench.stored() == ["voice/0a/sample"]
    bench.clock.advance(2)
    assert do(bench, "orphan_objects") == Outcome(found=1, done=1)


def test_a_new_database_deletes_nothing_that_it_does_not_name_until_somebody_says_so(tmp_path):
    settings = Settings(data_dir=tmp_path)
    told = {"MEESHY_DATA_DIR": str(tmp_path)}
    assert CliRunner().invoke(main, ["migrate"], env=told).exit_code == 0
    with closing(Database(settings.database)) as database:
        objects = open_store(settings)
        objects.put("pcm/0a/old.s16", b"samples")
        os.utime(tmp_path / "objects/pcm/0a/old.s16", (0.0, 0.0))
        house = House(database, objects, settings)
        assert DUTIES["orphan_objects"].do(house) == Outcome(found=1, done=0)
        said = CliRunner().invoke(main, ["objects", "spare", "--hours", "0"], env=told)
        assert said.output.startswith("Objects that no row names stay until ")
        assert DUTIES["orphan_objects"].do(house) == Outcome(found=1, done=1)


def test_whatever_a_row_names_stays_however_old_it_is(bench):
    bench.submit("good morning", "fr", "es")
    for families in (["hear"], ["translate", "synthesize"]):
        Worker(bench.context, "w1", dict.fromkeys(families, 1)).run_until_idle()
    assert {name.split("/")[0] for name in bench.stored()} == {"pcm", "speech"}
    for entry in bench.objects.entries(""):
        aged(bench, entry.name, 30 * DAY_S)
    before = bench.stored()
    assert before
    assert do(bench, "orphan_objects") == Outcome(found=0, done=0)
    assert bench.stored() == before
    bench.run()
    for entry in bench.objects.entries(""):
        aged(bench, entry.name, 30 * DAY_S)
    assert do(bench, "orphan_objects") == Outcome(found=0, done=0)


def test_audio_that_only_a_kept_answer_names_stays(bench):
    bench.submit("good morning", "fr")
    bench.run()
    with bench.database.write() as connection:
        connection.execute(sa.delete(jobs))
    for entry in bench.objects.entries(""):
        aged(bench, entry.name, 30 * DAY_S)
    do(bench, "orphan_objects")
    assert [name.split("/")[0] for name in bench.stored()] == ["result"]


def test_an_orphan_that_is_stored_again_at_this_moment_stays(bench):
    bench.objects.put("result/0a/same.wav", b"audio")
    aged(bench, "result/0a/same.wav", 2 * 3600.0)
    plain = bench.objects.entries

    def entries(prefix):
        found = list(plain(prefix))
        if prefix == "result/":
            aged(bench, "result/0a/same.wav", 0.0)
        return iter(found)

    bench.objects.entries = entries
    assert do(bench, "orphan_objects") == Outcome(found=1, done=0)
    assert bench.stored() == ["result/0a/same.wav"]


def test_what_a_doctor_left_that_was_killed_goes(bench):
    for name, age_s in (("doctor/0a", 3500.0), ("doctor/0b", 3700.0)):
        bench.objects.put(name, b"a trial")
        aged(bench, name, age_s)
    assert do(bench, "orphan_objects") == Outcome(found=1, done=1)
    assert bench.stored() == ["doctor/0a"]


@pytest.mark.parametrize(
    ("name", "object_name"),
    [
        ("orphan_objects", "pcm/0a/{}.s16"), ("orphan_objects", "doctor/{}"), ("unfinished_writes", "pcm/0a/{}.s16"),
        ("voice_tombstones", "tombstone/{}"),
    ],
)  # fmt: skip
def test_a_long_look_at_the_store_tells_that_it_goes_on(bench, monkeypatch, tmp_path, name, object_name):
    """An hour's duty over a million objects is no duty that hangs."""
    with bench.database.write() as connection:
        for number in range(10):
            erased = {"owner_digest": "o", "profile_digest": "p", "erased_s": 0.0, "reason": "asked", "counts": {}}
            connection.execute(sa.insert(voice_tombstones).values(id=str(number), **erased))
    for number in range(10):
        bench.objects.put(object_name.format(number), b"samples")
    monkeypatch.setattr("appliance.notify.ALIVE_EVERY_S", 0.0)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.setblocking(False)
        do(bench, name)
        # The kernel keeps ten for a reader that comes late (unix(7), max_dgram_qlen).
        assert [systemd.recv(64) for _ in range(10)] == [b"WATCHDOG=1"] * 10


def test_what_is_not_ours_in_the_store_is_left_alone(bench):
    bench.objects.put("backup/of-somebody.tar", b"theirs")
    aged(bench, "backup/of-somebody.tar", 30 * DAY_S)
    do(bench, "orphan_objects")
    assert bench.stored() == ["backup/of-somebody.tar"]


def test_a_duty_that_fails_is_told_and_keeps_no_other_from_being_done(bench, clock):
    def away(house):
        raise StorageUnavailable("The object store does not answer.")

    duties = {
        "broken": Duty(lambda house: 1 / 0),
        "away": Duty(away),
        "well": Duty(lambda house: Outcome(found=2, done=2)),
    }
    metrics = Metrics()
    came_to = Rounds(house(bench), clock, metrics, duties)()
    assert {name: record.error for name, record in came_to.items()} == {
        "broken": "internal",
        "away": "storage_unavailable",
        "well": None,
    }
    with bench.rows() as connection:
        assert last_records(connection) == came_to
    assert metrics.registry.get_sample_value("meeshy_housekeeping_done_total", {"duty": "well"}) == 2
    assert metrics.registry.get_sample_value("meeshy_housekeeping_failures_total", {"duty": "away"}) == 1


def test_each_duty_is_done_at_once_and_then_at_its_own_pace(bench, clock):
    done = []
    duties = {
        name: Duty(lambda house, name=name: done.append(name) or Outcome(found=0, done=0), every_s)
        for name, every_s in (("often", 60.0), ("seldom", 3600.0))
    }
    rounds = Rounds(house(bench), clock, Metrics(), duties)
    for _ in range(4):
        rounds()
        clock.advance(30.0)
    assert done == ["often", "seldom", "often"]


def test_a_dry_run_is_not_written_down_as_the_last_round(bench):
    Rounds(house(bench, dry_run=True), SystemClock(), Metrics())()
    with bench.rows() as connection:
        assert last_records(connection) == {}
