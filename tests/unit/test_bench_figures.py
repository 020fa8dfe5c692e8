"""Medians, minima and the control of a side against itself."""

import pytest

from appliance.bench.figures import control, is_steady, median_ms, min_ms
from appliance.bench.rounds import Sample


def samples(*seconds: float) -> list[Sample]:
    return [Sample(each) for each in seconds]


def test_median_and_minimum_are_in_milliseconds():
    assert median_ms(samples(0.1, 0.3, 0.2)) == pytest.approx(200)
    assert min_ms(samples(0.1, 0.3, 0.2)) == pytest.approx(100)


def test_equal_runs_have_a_control_of_one():
    assert control(samples(2.0, 2.0, 2.0, 2.0)) == 1.0


def test_a_single_run_has_no_control():
    assert control(samples(1.0)) is None
    assert control([]) is None
    assert not is_steady(samples(1.0))


def test_steady_drift_falls_on_both_halves_alike():
    drifting = samples(1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7)

    assert control(drifting) == pytest.approx(1.0)


def test_being_first_or_second_in_a_round_falls_on_both_halves_alike():
    # A runs first in rounds 0, 2, 4 … and second in the others; here the second place costs a third more.
    places = samples(3.0, 4.0, 3.0, 4.0, 3.0, 4.0, 3.0, 4.0)

    assert control(places) == 1.0


@pytest.mark.parametrize(("one", "other", "steady"), [(1.0, 1.04, True), (1.0, 1.06, False), (1.06, 1.0, False)])
def test_a_side_is_steady_within_five_per_cent(one: float, other: float, steady: bool):
    assert is_steady(samples(one, other, other, one)) is steady
