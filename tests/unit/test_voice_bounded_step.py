"""A step of the voice search is the best one that the bound of the weights leaves."""

import numpy as np
import pytest

from appliance.voices.bounded_step import MOST_WEIGHT, bounded_step, projected


def test_a_step_from_the_bound_is_the_best_one_within_it() -> None:
    chance = np.random.default_rng(8)
    slope, residual = chance.standard_normal((20, 8)), chance.standard_normal(20)
    usable = np.array([True] * 7 + [False])
    weights = np.array([1.2, -0.5, 0.1, 0.1, 0.0, 0.0, 0.0, 0.1])
    move = bounded_step(slope, 0.1 * residual, 0.3, usable, weights)

    def left(move: np.ndarray) -> float:
        return float(np.sum((0.1 * residual - slope @ move) ** 2) + 0.3 * np.sum(move**2))

    assert move.sum() == pytest.approx(0, abs=1e-6) and move[7] == 0
    assert np.abs(weights + move).sum() <= MOST_WEIGHT + 1e-6
    assert left(move) < left(np.zeros(8))
    for _ in range(300):
        other = np.append(projected((weights + move)[:7] + 0.05 * chance.standard_normal(7), 0.9, 1.9), 0.1) - weights
        assert left(other) >= left(move) - 1e-6


def test_weights_within_the_bound_are_only_brought_to_their_sum() -> None:
    assert projected(np.array([0.5, 0.2, 0.1]), 1.0, 2.0) == pytest.approx(
        [0.5 + 0.2 / 3, 0.2 + 0.2 / 3, 0.1 + 0.2 / 3]
    )


def test_what_is_projected_is_nearer_than_anything_else_within_the_bound() -> None:
    chance = np.random.default_rng(4)
    for _ in range(20):
        far = chance.normal(0, 1, 6)
        found = projected(far, 1.0, 1.5)
        assert found.sum() == pytest.approx(1) and np.abs(found).sum() <= 1.5 + 1e-9
        for _ in range(50):
            other = projected(far + chance.normal(0, 1, 6), 1.0, 1.5)
            assert np.linalg.norm(other - far) >= np.linalg.norm(found - far) - 1e-9


def test_no_negative_weight_is_left_where_the_bound_is_the_sum() -> None:
    found = projected(np.array([0.9, -0.4, 0.6]), 1.0, 1.0)
    assert found == pytest.approx([0.65, 0.0, 0.35])
