"""Slices of time add up, and percentiles from their histograms are near those of the values."""

import math
import random

import pytest

from appliance.telemetry.slices import GROWTH, Slice, percentile, together


def measured(values):
    each = Slice()
    for value in values:
        each.measure("x", value)
    return each


@pytest.mark.parametrize("share", [0.5, 0.95, 0.99])
def test_a_percentile_is_at_most_five_percent_off(share):
    values = sorted(random.Random(7).lognormvariate(0, 1.5) for _ in range(5000))
    exact = values[math.ceil(len(values) * share) - 1]

    assert percentile(measured(values).seconds["x"], share) == pytest.approx(exact, rel=math.sqrt(GROWTH) - 1 + 1e-9)


def test_parts_add_up_to_the_whole_whatever_the_order():
    values = [0.01 * number for number in range(1, 200)]
    parts = [measured(values[start::7]) for start in range(7)]
    random.Random(3).shuffle(parts)

    assert together(parts).seconds == measured(values).seconds


def test_counts_add_and_levels_keep_sum_number_and_largest():
    one, other = Slice(), Slice()
    one.count("a")
    other.count("a", 2)
    one.look("depth", 3)
    other.look("depth", 7)
    other.look("depth", 2)
    one.add(other)

    assert one.counts == {"a": 3}
    assert one.levels == {"depth": [12, 3, 7]}


def test_nothing_measured_has_no_percentile_and_nothing_at_all_is_false():
    assert percentile({}, 0.5) is None
    assert not Slice()
    assert percentile(measured([0.0]).seconds["x"], 0.5) == pytest.approx(0.001, rel=0.06)
