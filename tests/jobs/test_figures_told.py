"""Figures of the whole appliance that metrics tell, on both databases."""

import socket

import pytest
import sqlalchemy as sa

from appliance import __version__
from appliance.gpus.reading import GpuReading, HostReading
from appliance.gpus.records import record_reading
from appliance.jobs.claims import Claims
from appliance.jobs.documents import Failure
from appliance.jobs.endings import cancel_targets, fail_jobs
from appliance.jobs.lanes import Pause, pause_lane, set_draining
from appliance.jobs.pool_actions import ACTIONS, RECENT_S, recent_actions, record_action
from appliance.jobs.rates import COMMISSIONED, Rate, learn, load_speeds
from appliance.jobs.registry import WorkerRegistry
from appliance.status.collector import FiguresCollector
from appliance.status.figures import read_figures
from appliance.status.report import PAUSED_S, attention_for
from appliance.storage.site import set_site_value
from appliance.storage.tables import outbox, workers
from appliance.telemetry.metrics import Metrics
from appliance.workers.capabilities import capabilities_of
from appliance.workers.roles import BATCH_LIMITS, FAMILIES


def told(bench):
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in FiguresCollector(bench.database, bench.settings).collect()
        for sample in family.samples
    }


def test_a_lease_is_held_then_lost_then_given_back(bench):
    bench.submit("good morning", "fr")
    Claims(bench.database, "w1", 10.0).claim(BATCH_LIMITS)
    bench.clock.advance(10.0)
    assert [(line.running, line.lost) for line in read_figures(bench.database).queue] == [(1, 0)]
    bench.clock.advance(1.0)
    assert [(line.running, line.lost) for line in read_figures(bench.database).queue] == [(1, 1)]
    assert (told(bench)["meeshy_leases", "hear", "0", "lost"], told(bench)["meeshy_leases", "hear", "0", "held"]) == (
        1,
        0,
    )
    bench.reconcile()
    assert [(line.waiting, line.running, line.lost) for line in read_figures(bench.database).queue] == [(1, 0, 0)]


def test_the_real_time_factor_is_that_of_all_lengths_together(bench):
    measured = {
        ("hear", "short"): Rate(busy_s=1.0, stayed_s=1.0, audio_s=10.0),
        ("hear", "long"): Rate(busy_s=5.0, stayed_s=5.0, audio_s=20.0),
        ("finish", "short"): Rate(busy_s=0.5, stayed_s=0.5, audio_s=10.0),
    }
    with bench.database.write() as connection:
        learn(connection, measured, 0.0)
    with bench.database.read() as connection:
        assert load_speeds(connection) == pytest.approx({"hear": 0.2, "finish": 0.05})
    assert told(bench)["meeshy_real_time_factor_ratio", "hear"] == pytest.approx(0.2)


def test_actions_of_pools_count_for_an_hour_and_none_is_0(bench):
    for reason in ("signal 9", "signal 11"):
        record_action(bench.database, host="h", device="d", role="all", action="died", pid=7, reason=reason)
    with bench.database.read() as connection:
        assert recent_actions(connection, bench.clock.now_s()) == dict.fromkeys(ACTIONS, 0) | {"died": 2}
        assert recent_actions(connection, bench.clock.now_s() + RECENT_S + 1.0) == dict.fromkeys(ACTIONS, 0)


def test_without_a_worker_every_family_has_0_and_nothing_is_known_of_speed(bench):
    found = told(bench)
    states = [(family, state) for family in BATCH_LIMITS for state in ("taking", "draining")]
    assert {found["meeshy_workers", family, state] for family, state in states} == {0}
    assert {found["meeshy_lane_paused", family, priority] for family in BATCH_LIMITS for priority in "012"} == {0}
    assert found["meeshy_admission_open", "0"] == 1
    assert ("meeshy_admission_eta_seconds", "0") not in found


def test_a_job_that_ends_is_in_time_late_failed_or_does_not_count(bench):
    metrics = Metrics()
    metrics.count_commits_of(bench.database.engine)

    def counted():
        value = metrics.registry.get_sample_value
        outcomes = ("met", "late", "failed")
        return [value("meeshy_jobs_sla_total", {"priority": "0", "outcome": each}) for each in outcomes]

    assert counted() == [0, 0, 0]
    bench.submit("in time", "fr")
    bench.run()
    assert counted() == [1, 0, 0]
    late = bench.submit("late", "fr")
    bench.clock.advance(late.deadline_s - bench.clock.now_s() + 0.5)
    bench.run()
    assert counted() == [1, 1, 0]
    for text, end in (("fails", fail), ("cancelled", cancel_targets)):
        job = bench.submit(text, "fr")
        with bench.database.write() as connection:
            end(connection, job.id, bench.clock.now_s())
    assert counted() == [1, 1, 1]
    bench.submit("in time", "fr", key="another")
    assert counted() == [2, 1, 1], "a kept answer is in time"
    assert metrics.registry.get_sample_value("meeshy_job_duration_seconds_count", {"priority": "0"}) == 2
    assert metrics.registry.get_sample_value("meeshy_receipt_wer_ratio_count") == 2


def fail(connection, job_id, now_s):
    fail_jobs(connection, {job_id: Failure("engine_failed", "It failed.")}, now_s)


def test_a_worker_tells_its_release_and_one_from_before_releases_told_has_none(bench):
    registry = WorkerRegistry(bench.database, "w1")
    registry.announce(capabilities_of(bench.engines, bench.settings), FAMILIES)
    (entered,) = read_figures(bench.database).workers
    registry.proven()
    (proven,) = read_figures(bench.database).workers
    with bench.database.write() as connection:
        connection.execute(sa.update(workers).values(version=None))
    (older,) = read_figures(bench.database).workers
    assert (entered.version, entered.proven) == (__version__, False)
    assert (entered.host, entered.started_ago_s) == (socket.gethostname(), 0.0)
    assert proven.proven
    assert (older.version, older.proven) == (None, True)


def test_a_site_counts_as_commissioned_once_it_was_measured(bench):
    before = read_figures(bench.database).commissioned
    with bench.database.write() as connection:
        set_site_value(connection, COMMISSIONED, {"note_s": 1.0}, bench.clock.now_s())
    assert (before, read_figures(bench.database).commissioned) == (False, True)


def test_drained_workers_take_nothing_and_paused_lanes_are_told(bench):
    WorkerRegistry(bench.database, "w1").announce(bench._capabilities(), FAMILIES, 2)
    with bench.database.write() as connection:
        set_draining(connection, "w1", bench.clock.now_s())
        pause_lane(connection, ("hear", 0), Pause(since_s=bench.clock.now_s() - 60.0, actor="anna", reason="test"))
    found = told(bench)
    assert (found["meeshy_workers", "hear", "taking"], found["meeshy_workers", "hear", "draining"]) == (0, 1)
    assert found["meeshy_worker_slots", "hear"] == 0
    assert (found["meeshy_lane_paused", "hear", "0"], found["meeshy_lane_paused", "hear", "1"]) == (1, 0)
    figures = read_figures(bench.database)
    assert [worker.taking for worker in figures.workers] == [False]
    assert [(line.family, line.priority, line.paused_ago_s, line.actor) for line in figures.pauses] == [
        ("hear", 0, 60.0, "anna")
    ]
    assert [each.figure for each in attention_for(figures, FAMILIES)] == ["living", "last round"]


def test_what_waits_in_a_paused_lane_asks_nobody_for_workers_but_a_forgotten_pause_is_told(bench):
    WorkerRegistry(bench.database, "w1").announce(bench._capabilities(), FAMILIES, 2)
    job = bench.submit("good morning", "fr")
    since_s = job.deadline_s + 1.0
    bench.clock.advance(since_s - bench.clock.now_s())
    WorkerRegistry(bench.database, "w1").seen()

    def asked():
        return [each.figure for each in attention_for(read_figures(bench.database), ())]

    assert asked() == ["overdue", "last round"]
    with bench.database.write() as connection:
        pause_lane(connection, ("hear", 0), Pause(since_s=since_s, actor="anna", reason="test"))
    assert asked() == ["last round"]
    bench.clock.advance(PAUSED_S + 1.0)
    assert asked() == ["paused for", "last round"]


def test_waits_are_told_of_work_and_of_webhooks_until_somebody_has_seen_to_them(bench):
    waits = [(f"meeshy_queue_{name}", "hear", "0") for name in ("oldest_wait_seconds", "overdue_items")]
    webhooks = [(f"meeshy_outbox_{name}",) for name in ("pending", "oldest_due_seconds", "failed")]
    job = bench.submit("good morning", "fr", webhook_url="https://receiver.example/hook")
    bench.clock.advance(12.0)
    bench.submit("good night", "fr")
    found = told(bench)
    assert [found[name] for name in waits] == [12.0, 0]
    assert [found[name] for name in webhooks] == [0, 0.0, 0]
    bench.clock.advance(job.deadline_s + 1.0 - bench.clock.now_s())
    assert told(bench)[waits[1]] == 1
    bench.run()
    bench.clock.advance(30.0)
    found = told(bench)
    assert not any(name in found for name in waits)
    assert [found[name] for name in webhooks] == [1, 30.0, 0]
    with bench.database.write() as connection:
        connection.execute(sa.update(outbox).values(state="failed"))
    found = told(bench)
    assert [found[name] for name in webhooks] == [0, 0.0, 1]


def test_a_gpu_tells_what_its_driver_does_and_nothing_for_what_it_does_not(bench):
    whole = GpuReading(
        index=0, memory_used_bytes=30 * 2**30, memory_total_bytes=40 * 2**30, utilisation=0.85, temperature_c=61.0,
        power_w=212.5, power_limit_w=400.0, ecc_corrected=2, ecc_uncorrected=0,
    )  # fmt: skip
    mute = GpuReading(index=1, memory_total_bytes=40 * 2**30)
    record_reading(bench.database, "node", HostReading(gpus=(whole, mute)))
    bench.clock.advance(3.0)

    def of(index):
        labels = (index, "", "node")
        return {
            name.removeprefix("meeshy_gpu_"): value
            for (name, *values), value in told(bench).items()
            if name.startswith("meeshy_gpu_") and tuple(values) == labels
        }

    assert of("0") == {
        "up": 1.0, "memory_used_bytes": 30 * 2**30, "memory_total_bytes": 40 * 2**30, "utilisation_ratio": 0.85,
        "temperature_celsius": 61.0, "power_watts": 212.5, "power_limit_watts": 400.0,
    }  # fmt: skip
    assert of("1") == {"up": 1.0, "memory_total_bytes": 40 * 2**30}
    found = told(bench)
    assert found["meeshy_gpu_ecc_errors", "0", "corrected", "", "node"] == 2
    assert found["meeshy_gpu_ecc_errors", "0", "uncorrected", "", "node"] == 0
    assert found["meeshy_gpu_reading_age_seconds", "node"] == 3.0


def test_a_batch_takes_the_time_it_took_and_its_family_s():
    metrics = Metrics()
    metrics.ran("hear", 3, 0.4), metrics.ran("hear", 1, 0.2), metrics.ran("finish", 2, 7.0)

    def value(name, **labels):
        return metrics.registry.get_sample_value(f"meeshy_{name}", labels)

    assert value("stage_duration_seconds_sum", family="hear") == pytest.approx(0.6)
    assert value("stage_duration_seconds_bucket", family="hear", le="0.25") == 1
    assert value("stage_duration_seconds_bucket", family="finish", le="5.0") == 0
    assert value("stage_duration_seconds_bucket", family="finish", le="10.0") == 1
    assert value("batch_items_sum", family="hear") == 4
