"""Rates of the gate count what they say, and their intervals are as wide as the speakers are few."""

import numpy as np
import pytest

from appliance.bench.gate_trials import Trials, equal_error_threshold, rates, trials


def two_kinds(speakers: int, own: float, others: float, spread: float) -> Trials:
    """Sessions that are `own` similar to their own profile and `others` to another's, on average."""
    chance = np.random.default_rng(5)
    scores = tuple(
        tuple((own if i == j else others) + spread * chance.standard_normal(4) for j in range(speakers))
        for i in range(speakers)
    )
    return Trials(3.0, tuple(map(str, range(speakers))), scores)


def test_shares_are_of_trials_of_the_same_and_of_different_speakers():
    profiles = [np.array([1.0, 0.0]), np.array([0.0, 1.0])]
    sessions = [np.array([[1.0, 0.0], [0.8, 0.6]]), np.array([[0.0, 1.0], [0.8, 0.6]])]
    found = trials(3.0, ["a", "b"], profiles, sessions)
    assert sorted(found.genuine) == pytest.approx([0.6, 0.8, 1.0, 1.0])
    far, frr = rates(found, 0.7)
    assert far.value == 0.25 and frr.value == 0.25


def test_the_interval_holds_the_rate_and_narrows_with_speakers():
    few, many = (rates(two_kinds(count, 0.8, 0.6, 0.06), 0.7)[0] for count in (5, 40))
    for found in (few, many):
        assert found.low <= found.value <= found.high
    assert many.high - many.low < few.high - few.low


def test_no_error_among_a_few_speakers_is_no_proof_of_none():
    far, frr = rates(two_kinds(10, 0.95, 0.5, 0.001), 0.7)
    assert far.value == frr.value == 0
    assert far.high == frr.high == pytest.approx(1 - 0.05**0.1)


def test_the_equal_error_threshold_lies_between_the_two_kinds():
    found = equal_error_threshold(two_kinds(20, 0.85, 0.6, 0.05))
    assert found.low <= found.value <= found.high
    assert found.value == pytest.approx(0.725, abs=0.02)
