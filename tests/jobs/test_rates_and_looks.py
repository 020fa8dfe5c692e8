"""What means and rates over time are of, on both databases: every look, and the time that there is history of."""

import pytest

from appliance.admin.series import load_history
from appliance.history.steps import DAY_S
from appliance.history.writing import write_history
from appliance.telemetry.tally import Tally


def write(bench, jobs=0):
    """Write the history, with so many jobs that were accepted just now."""
    if jobs:
        tally = Tally()
        tally.count("jobs_accepted", jobs)
        tally.tell(bench.database)
    with bench.database.write() as connection:
        write_history(connection, bench.clock.now_s())


def series(bench, name, window_s=3600.0):
    with bench.rows() as rows:
        (found,) = load_history(rows, bench.clock.now_s(), window_s, [name]).series
    return found


def test_the_depth_of_a_lane_is_the_mean_of_all_looks_those_too_that_found_nothing(bench):
    write(bench)
    bench.submit("hello", "fr")
    for _ in range(3):
        bench.clock.advance(1.0)
        write(bench)
    assert series(bench, "depth.hear.p0").overall == series(bench, "depth.p0").overall == 0.75
    assert series(bench, "depth.enrol.p2").overall == 0.0


@pytest.mark.parametrize(("before_s", "per_minute"), [(300, 12.0), (1800, 2.0), (3600, 1.0), (7000, 1.0)])
def test_a_rate_of_the_window_before_is_of_the_time_that_there_is_history_of(bench, before_s, per_minute):
    write(bench)
    bench.clock.advance(before_s - 5)
    write(bench, jobs=60)
    bench.clock.advance(5 + 3600)
    write(bench, jobs=60)
    found = series(bench, "jobs_per_minute")
    assert found.before == pytest.approx(per_minute, rel=0.05)
    assert found.overall == pytest.approx(1.0, rel=0.01)
    assert found.change == pytest.approx(found.overall - found.before)


@pytest.mark.parametrize("window_s", [3600.0, 30 * DAY_S, 730 * DAY_S])
def test_a_rate_of_the_first_minutes_is_of_these_minutes(bench, window_s):
    write(bench)
    bench.clock.advance(300)
    write(bench, jobs=60)
    found = series(bench, "jobs_per_minute", window_s)
    assert found.overall == pytest.approx(12.0, rel=0.05)
    assert (found.before, found.change) == (None, None)


def test_time_in_which_nothing_was_written_counts_once_the_history_has_begun(bench):
    write(bench)
    bench.clock.advance(7200)
    write(bench, jobs=60)
    assert series(bench, "jobs_per_minute").overall == pytest.approx(1.0, rel=0.01)


def test_a_rate_of_days_is_of_more_than_the_hours_whose_shortest_steps_are_kept(bench):
    write(bench)
    for _ in range(10):
        bench.clock.advance(3600)
        write(bench, jobs=60)
    assert series(bench, "jobs_per_minute", 730 * DAY_S).overall == pytest.approx(1.0, rel=0.03)
