"""What means and rates over time are of, on both databases: every look, and the time that there is history of."""

from appliance.admin.series import load_history
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
