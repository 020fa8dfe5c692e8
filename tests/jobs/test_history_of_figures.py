"""Figures over time on both databases: counted once, kept in three lengths, compared with the time before."""

import threading

import msgspec
import pytest
import sqlalchemy as sa

from appliance.admin.gpus import MOST_GPUS, load_gpus
from appliance.admin.live_types import FieldError, GpuHost
from appliance.admin.quality import load_quality
from appliance.admin.series import MOST_SCALING, load_history, load_trends
from appliance.errors import InvalidRequest
from appliance.gpus.reading import GpuReading, HostReading
from appliance.gpus.records import record_reading
from appliance.history.bounds import MOST_PAIRS
from appliance.history.reading import load_recent, load_steps
from appliance.history.series import needed
from appliance.history.steps import DAY_S, KEPT_S, start_of
from appliance.history.writing import SETTLED_S, write_history
from appliance.jobs.pool_actions import KEEP_ACTIONS_S, record_action
from appliance.learning.feedback import Opinion, Signals, record_feedback
from appliance.storage.admin_tables import history, tallies
from appliance.storage.database import Database
from appliance.telemetry.metrics import Metrics
from appliance.telemetry.tally import Tally


def write(bench):
    with bench.database.write() as connection:
        return write_history(connection, bench.clock.now_s())


def told(bench, **counts):
    tally = Tally()
    for name, value in counts.items():
        tally.count(name, value)
    tally.tell(bench.database)


def counts(bench, step_s):
    with bench.rows() as rows:
        steps = load_steps(rows, step_s, 0.0, bench.clock.now_s() + 1e6).slices
    return {at_s: each.counts.get("jobs_accepted") for at_s, each in steps.items()}


def test_what_processes_told_is_added_up_once_in_steps_of_every_length(bench):
    now_s = bench.clock.now_s()
    told(bench, jobs_accepted=2)
    told(bench, jobs_accepted=3)
    write(bench)
    write(bench)
    for step_s in KEPT_S:
        assert counts(bench, step_s) == {start_of(now_s, step_s): 5}
    with bench.rows() as rows:
        assert rows.scalar(sa.select(sa.func.count()).select_from(tallies)) == 0


def test_what_was_told_late_lies_where_it_was_counted(bench):
    began_s = bench.clock.now_s()
    told(bench, jobs_accepted=1)
    bench.clock.advance(60)
    told(bench, jobs_accepted=1)
    write(bench)
    assert counts(bench, 10) == {start_of(began_s, 10): 1, start_of(began_s + 60, 10): 1}


def test_a_tally_that_the_database_does_not_take_is_told_the_next_time(bench):
    class Away:
        def write(self):
            raise ConnectionError

    tally = Tally()
    tally.count("jobs_accepted", 2)
    with pytest.raises(ConnectionError):
        tally.tell(Away())
    tally.count("jobs_accepted")
    tally.tell(bench.database)
    write(bench)
    assert set(counts(bench, 10).values()) == {3}


def test_the_ends_of_languages_are_counted_once_they_are_surely_committed(bench):
    bench.submit("good morning", "fr")
    bench.run()
    at_s = bench.clock.now_s()
    write(bench)
    bench.clock.advance(30)
    write(bench)
    write(bench)
    with bench.rows() as rows:
        whole = load_steps(rows, 86_400, 0.0, at_s + 1e6).whole
    assert whole.counts["ended.done"] == 1
    assert whole.counts["spoken.pair.en>fr"] == 1
    assert sum(whole.seconds["latency"].values()) == 1


def test_old_steps_go_and_longer_ones_stay(bench):
    told(bench, jobs_accepted=1)
    write(bench)
    bench.clock.advance(KEPT_S[10] + 20)
    write(bench)
    assert 1 not in counts(bench, 10).values()
    assert 1 in counts(bench, 900).values() and 1 in counts(bench, 86_400).values()


def test_a_window_is_compared_with_the_one_before(bench):
    write(bench)
    bench.clock.advance(3600)
    told(bench, jobs_accepted=60)
    write(bench)
    bench.clock.advance(3600)
    told(bench, jobs_accepted=120)
    write(bench)
    with bench.rows() as rows:
        found = load_history(rows, bench.clock.now_s(), 3600.0, ["jobs_per_minute"])
        trends = load_trends(rows, bench.clock.now_s(), 3600.0)
    (series,) = found.series
    # The step of this moment has just begun: 3,590 s of the hour are over.
    assert (series.overall, series.before) == (pytest.approx(120 / 3590 * 60, abs=1e-4), 1.0)
    assert series.change == pytest.approx(series.overall - 1.0)
    assert found.step_s == 10 and "depth.p0" in found.known
    assert next(each for each in trends.figures if each.name == "jobs_per_minute").change == series.change


@pytest.mark.parametrize(("window_s", "step_s"), [(3600, 10), (30 * DAY_S, 900), (730 * DAY_S, 86_400)])
def test_each_window_has_the_step_it_is_kept_in(bench, window_s, step_s):
    told(bench, jobs_accepted=1)
    write(bench)
    with bench.rows() as rows:
        assert load_history(rows, bench.clock.now_s() + 1, window_s, ["jobs_per_minute"]).step_s == step_s


def test_a_series_that_nobody_knows_is_refused(bench):
    with bench.rows() as rows, pytest.raises(InvalidRequest):
        load_history(rows, bench.clock.now_s(), 3600.0, ["no.such"])


def test_where_nothing_was_measured_nothing_is_said(bench):
    with bench.rows() as rows:
        found = load_history(rows, bench.clock.now_s(), 3600.0, ["jobs_per_minute", "failed_share"])
        assert [(each.overall, each.before, each.points) for each in found.series] == [(None, None, ())] * 2
        assert load_quality(rows, bench.clock.now_s()).pairs == ()


def test_what_the_pools_did_comes_along(bench):
    record_action(bench.database, host="h:1", device="card-0", role="voice", action="start", pid=1, reason="minimum")
    with bench.rows() as rows:
        (event,) = load_history(rows, bench.clock.now_s(), 3600.0, []).scaling
    assert (event.subject, event.text, event.ago_s) == ("h/card-0", "start voice: minimum", 0.0)


def scaled(bench, reason):
    record_action(bench.database, host="h:1", device="card-0", role="voice", action="start", pid=1, reason=reason)


def test_what_the_pools_did_is_kept_as_long_as_the_days_are_and_over_restarts(bench):
    assert max(KEPT_S.values()) == KEEP_ACTIONS_S
    scaled(bench, "two years ago")
    bench.clock.advance(600 * DAY_S)
    scaled(bench, "last month")
    bench.clock.advance(20 * DAY_S)
    again = Database(bench.database.url.render_as_string(hide_password=False), bench.clock)
    try:
        with again.read() as rows:
            told = {days: load_history(rows, bench.clock.now_s(), days * DAY_S, []).scaling for days in (1, 30, 730)}
    finally:
        again.close()
    texts = {days: [event.text for event in events] for days, events in told.items()}
    assert texts == {
        1: [],
        30: ["start voice: last month"],
        730: ["start voice: last month", "start voice: two years ago"],
    }


def test_of_what_the_pools_did_the_newest_are_told_and_the_others_counted(bench):
    scaled(bench, "before the window")
    bench.clock.advance(3601)
    for number in range(MOST_SCALING + 3):
        scaled(bench, f"number {number}")
    with bench.rows() as rows:
        found = load_history(rows, bench.clock.now_s(), 3600.0, [])
    assert [event.text for event in found.scaling][:2] == ["start voice: number 52", "start voice: number 51"]
    assert (len(found.scaling), found.scaling_left_out) == (MOST_SCALING, 3)


def test_what_is_not_in_the_history_yet_is_read_all_the_same(bench):
    told(bench, jobs_accepted=4)
    with bench.rows() as rows:
        assert load_recent(rows, bench.clock.now_s(), 300.0).whole.counts == {"jobs_accepted": 4}


def test_many_rounds_at_once_count_everything_once(bench):
    for _ in range(20):
        told(bench, jobs_accepted=1)
    threads = [threading.Thread(target=write, args=(bench,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    write(bench)
    assert set(counts(bench, 86_400).values()) == {20}
    with bench.rows() as rows:
        assert rows.scalar(sa.select(sa.func.count()).select_from(history)) == len(KEPT_S)


def test_what_a_process_measures_reaches_the_history(bench):
    metrics = Metrics()
    metrics.count_commits_of(bench.database.engine)
    bench.submit("good morning", "fr")
    worker = bench.worker()
    worker._metrics = metrics
    worker.run_until_idle()
    metrics.looked_up("l1", "result", hit=True)
    metrics.tally.tell(bench.database)
    write(bench)
    with bench.rows() as rows:
        whole = load_recent(rows, bench.clock.now_s(), 300.0).whole
    assert whole.counts["jobs_accepted"] == 1
    assert whole.counts["cache.l1.result.hit"] == 1
    assert {"worked.hear", "worked.finish", "waited.hear"} <= whole.seconds.keys()


def settled(bench):
    """Let what has happened so far be in the history."""
    bench.clock.advance(SETTLED_S + 1)
    write(bench)


@pytest.mark.parametrize("window_s", [DAY_S, 30 * DAY_S, 731 * DAY_S])
def test_quality_has_pairs_voices_and_caches_beside_the_time_before(bench, window_s):
    metrics = Metrics()
    write(bench)
    bench.submit("good morning", "fr")
    bench.run()
    metrics.looked_up("l1", "result", hit=True)
    metrics.tally.tell(bench.database)
    settled(bench)
    bench.clock.advance(window_s)
    job = bench.submit("good evening", "fr", "es")
    bench.run()
    opinion = Opinion(rating=4)
    record_feedback(bench.database, job.owner, job.id, "es", opinion, Signals())
    for hit in (True, False, False, False):
        metrics.looked_up("l1", "result", hit=hit)
    metrics.tally.tell(bench.database)
    settled(bench)
    with bench.rows() as rows:
        found = load_quality(rows, bench.clock.now_s(), window_s, with_caches=True)
        in_short = load_quality(rows, bench.clock.now_s(), window_s)
    assert found.step_s == (86_400 if window_s > 30 * DAY_S else 900)
    spoken = {(pair.source, pair.target): (pair.spoken, pair.spoken_before) for pair in found.pairs}
    assert spoken == {("en", "fr"): (1, 1), ("en", "es"): (1, 0)}
    of_french = next(pair for pair in found.pairs if pair.target == "fr")
    of_spanish = next(pair for pair in found.pairs if pair.target == "es")
    assert of_french.wer is not None and of_french.wer_before is not None
    assert (of_spanish.rating, of_spanish.rating_before, of_spanish.wer_before) == (4.0, None, None)
    assert (found.spoken, found.spoken_before, sum(voice.spoken for voice in found.voices)) == (2, 1, 2)
    caches = [(each.level, each.kind, each.hits, each.misses, each.share, each.share_before) for each in found.caches]
    assert caches == [
        ("l1", "", 1, 3, 0.25, 1.0), ("l1", "result", 1, 3, 0.25, 1.0),
    ]  # fmt: skip
    assert in_short == msgspec.structs.replace(found, caches=())
    assert "good" not in msgspec.json.encode(found).decode()


def test_a_step_has_so_many_pairs_and_those_that_it_has_go_on(bench):
    def told_pairs(numbers):
        told(bench, **{f"spoken.pair.s{number}>t": 1 for number in numbers})
        write(bench)

    told_pairs(range(MOST_PAIRS - 1))
    told_pairs(range(MOST_PAIRS + 5))
    told(bench, **{"wer.pair.s0>t.sum": 0.5, f"wer.pair.s{MOST_PAIRS + 1}>t.sum": 0.25})
    write(bench)
    with bench.rows() as rows:
        whole = load_steps(rows, 86_400, 0.0, bench.clock.now_s() + 1).whole
        quality = load_quality(rows, bench.clock.now_s(), 731 * DAY_S, 10)
    pairs = {name for name in whole.counts if name.startswith("spoken.pair.")}
    assert len(pairs) == MOST_PAIRS + 1
    assert (whole.counts["spoken.pair.other"], whole.counts["spoken.pair.s0>t"]) == (5, 2)
    assert (whole.counts["wer.pair.s0>t.sum"], whole.counts["wer.pair.other.sum"]) == (0.5, 0.25)
    assert (len(quality.pairs), quality.pairs_left_out) == (10, MOST_PAIRS - 10)


def test_what_is_not_asked_for_is_not_read_but_known(bench):
    told(bench, jobs_accepted=1, **{"cache.l2.translation.hit": 3, "cache.l2.result.miss": 1})
    write(bench)
    with bench.rows() as rows:
        steps = load_steps(rows, 900, 0.0, bench.clock.now_s() + 1, needed(["cache.l2"]))
        found = load_history(rows, bench.clock.now_s(), 30 * DAY_S, ["cache.l2", "cache.l2.result", "depth.p0"])
    assert steps.whole.levels == {} and "depth.p0" in steps.names.levels
    assert [series.overall for series in found.series] == [0.75, 0.0, 0.0]


def test_what_moves_into_the_history_meanwhile_is_read_once(bench):
    """A round between two statements would be in neither: on PostgreSQL each statement stands alone."""
    told(bench, jobs_accepted=4)
    statements = []

    def written_after_the_first(connection, *_):
        if not statements:
            statements.append(1)
            write(bench)

    with bench.rows() as rows:
        sa.event.listen(rows, "after_cursor_execute", written_after_the_first)
        whole = load_recent(rows, bench.clock.now_s(), 300.0).whole
    assert statements and whole.counts["jobs_accepted"] == 4


def test_gpus_of_all_hosts_are_told_and_kept_and_what_they_do_not_tell_is_none(bench):
    missing = {"power_w": "not supported", "temperature_c": "not supported", "utilisation": "no permission"}
    card = GpuReading(index=0, uuid="GPU-1", utilisation=0.87, memory_used_bytes=20, reasons=missing)
    slice_ = GpuReading(index=0, instance="1/0", mig="3g.20gb", reasons={"utilisation": "not supported"})
    nameless = GpuReading(index=0, instance="#1", memory_used_bytes=5)
    lost = GpuReading(index=1, reasons={"device": "GPU is lost"})
    record_reading(bench.database, "node-a:1", HostReading(gpus=(card, slice_, nameless, lost)))
    record_reading(bench.database, "node-b:2", HostReading(reason="NVML library not found"))
    write(bench)
    with bench.rows() as rows:
        gpus = load_gpus(rows, bench.clock.now_s())
        (series,) = load_history(rows, bench.clock.now_s(), 3600.0, ["gpu.node-a.0.utilisation"]).series
        known = load_history(rows, bench.clock.now_s(), 3600.0, []).known
    assert [(each.host, each.index, each.instance, each.mig, each.utilisation, each.lost) for each in gpus.told] == [
        ("node-a", 1, None, None, None, "GPU is lost"), ("node-a", 0, None, None, 0.87, None),
        ("node-a", 0, "1/0", "3g.20gb", None, None), ("node-a", 0, "#1", None, None, None),
    ]  # fmt: skip
    assert gpus.told[1].errors == (
        FieldError("power_w, temperature_c", "not supported"), FieldError("utilisation", "no permission"),
    )  # fmt: skip
    assert gpus.hosts == (GpuHost(host="node-b", state="none", reason="NVML library not found", age_s=0.0),)
    assert (series.overall, series.unit) == (0.87, "ratio")
    assert "gpu.node-a.0.power_w" not in known
    # As the API's parameter takes it.
    assert "gpu.node-a.0-place1.memory_used_bytes" in known
    bench.clock.advance(60)
    with bench.rows() as rows:
        gpus = load_gpus(rows, bench.clock.now_s())
    assert gpus.told == ()
    states = [(host.host, host.state, host.devices) for host in gpus.hosts]
    assert states == [("node-a", "old", 4), ("node-b", "none", 0)]
    record_reading(bench.database, "node-a:1", HostReading(gpus=(card,)))
    with bench.rows() as rows:
        gpus = load_gpus(rows, bench.clock.now_s())
    assert [each.index for each in gpus.told] == [0]
    fewer = GpuHost(host="node-a", state="fewer", devices=1, reason="it told 2 before", age_s=0.0)
    assert gpus.hosts[0] == fewer


def test_of_many_gpus_those_that_need_a_hand_are_told(bench):
    cards = [GpuReading(index=number, uuid=f"GPU-{number}") for number in range(MOST_GPUS + 8)]
    cards[-1] = GpuReading(index=MOST_GPUS + 7, ecc_uncorrected=2)
    cards[-2] = GpuReading(index=MOST_GPUS + 6, reasons={"device": "GPU is lost"})
    record_reading(bench.database, "node-a:1", HostReading(gpus=tuple(cards)))
    with bench.rows() as rows:
        gpus = load_gpus(rows, bench.clock.now_s())
    assert [gpu.index for gpu in gpus.told[:3]] == [MOST_GPUS + 6, MOST_GPUS + 7, 0]
    assert (len(gpus.told), gpus.left_out) == (MOST_GPUS, 8)
