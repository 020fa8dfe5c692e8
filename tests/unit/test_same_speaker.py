"""The gate lets in what is similar enough, whatever the vectors' lengths."""

import numpy as np
import pytest

from appliance.voices.same_speaker import THRESHOLD, same_speaker


def at_similarity(similarity: float) -> tuple[np.ndarray, np.ndarray]:
    return np.array([1.0, 0.0]), np.array([similarity, np.sqrt(1 - similarity**2)])


@pytest.mark.parametrize(("over", "expected"), [(0.01, True), (-0.01, False)])
def test_the_threshold_decides(over, expected):
    assert same_speaker(*at_similarity(THRESHOLD + over)) is expected


def test_lengths_do_not_count_and_no_embedding_is_nobodys():
    one, other = at_similarity(THRESHOLD + 0.05)
    assert same_speaker(3 * one, 0.2 * other)
    assert not same_speaker(np.zeros(2), one)


def test_a_stricter_threshold_may_be_asked_for():
    assert not same_speaker(*at_similarity(THRESHOLD + 0.05), threshold=THRESHOLD + 0.1)
