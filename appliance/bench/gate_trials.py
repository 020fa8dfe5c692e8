"""Trials of the same-speaker gate: who is let in at which threshold, with intervals over speakers.

Trials of one speaker depend on each other, so intervals come from drawing speakers anew (bootstrap), never trials.
Where not one error was seen a bootstrap sees none either: there the bound is the exact one for that many speakers
(Clopper and Pearson, 1934: 1 - 0.05^(1/n)).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

GRID = np.round(np.arange(0.50, 0.951, 0.005), 3)
REPLICATES = 1000


@dataclass(frozen=True, slots=True)
class Trials:
    """Similarities of sessions to profiles: `scores[i][j]` are those of speaker i's sessions to speaker j's profile."""

    seconds: float
    names: tuple[str, ...]
    scores: tuple[tuple[np.ndarray, ...], ...]

    @property
    def genuine(self) -> np.ndarray:
        """Return the similarities of sessions to their own speaker's profile."""
        return np.concatenate([self.scores[i][i] for i in range(len(self.names))])

    @property
    def impostors(self) -> np.ndarray:
        """Return the similarities of sessions to everybody else's profile."""
        count = len(self.names)
        return np.concatenate([self.scores[i][j] for i in range(count) for j in range(count) if i != j])


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its 95 % interval over speakers."""

    value: float
    low: float
    high: float


def trials(
    seconds: float, names: Sequence[str], profiles: Sequence[np.ndarray], sessions: Sequence[np.ndarray]
) -> Trials:
    """Return all trials of unit profiles [width] and each speaker's sessions [sessions, width]."""
    scores = tuple(tuple(own @ profile for profile in profiles) for own in sessions)
    return Trials(seconds, tuple(names), scores)


def rates(found: Trials, threshold: float) -> tuple[Interval, Interval]:
    """Return false acceptances and false rejections at a threshold as shares with their intervals."""
    accepted, tried, rejected, own = _counts(found, np.array([threshold]))
    draws = _draws(len(found.names))
    far = _far(draws, accepted, tried)[:, 0]
    frr = _frr(draws, rejected, own)[:, 0]
    everybody = np.ones((1, len(found.names)))
    return (
        _interval(float(_far(everybody, accepted, tried)[0, 0]), far, len(found.names)),
        _interval(float(_frr(everybody, rejected, own)[0, 0]), frr, len(found.names)),
    )


def equal_error_threshold(found: Trials) -> Interval:
    """Return the threshold at which both errors are equal, the middle one where they are over a range."""
    accepted, tried, rejected, own = _counts(found, GRID)
    everybody = np.ones((1, len(found.names)))
    value = _crossing(_far(everybody, accepted, tried), _frr(everybody, rejected, own))[0]
    draws = _draws(len(found.names))
    drawn = _crossing(_far(draws, accepted, tried), _frr(draws, rejected, own))
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Interval(float(value), float(low), float(high))


def _counts(found: Trials, grid: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return accepted [i, j, grid] and tried [i, j] between different speakers, rejected [i, grid] and own [i]."""
    count = len(found.names)
    accepted, tried = np.zeros((count, count, len(grid))), np.zeros((count, count))
    rejected, own = np.zeros((count, len(grid))), np.zeros(count)
    for i in range(count):
        for j in range(count):
            passed = (found.scores[i][j][:, None] >= grid).sum(axis=0)
            if i == j:
                own[i] = len(found.scores[i][j])
                rejected[i] = own[i] - passed
            else:
                accepted[i, j], tried[i, j] = passed, len(found.scores[i][j])
    return accepted, tried, rejected, own


def _draws(count: int) -> np.ndarray:
    """Return how often each speaker was drawn [replicates, speakers]; the same every time."""
    return np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), REPLICATES).astype(np.float64)


def _far(draws: np.ndarray, accepted: np.ndarray, tried: np.ndarray) -> np.ndarray:
    wrong = np.einsum("ri,ijg,rj->rg", draws, accepted, draws, optimize=True)
    return wrong / np.maximum(np.einsum("ri,ij,rj->r", draws, tried, draws, optimize=True), 1)[:, None]


def _frr(draws: np.ndarray, rejected: np.ndarray, own: np.ndarray) -> np.ndarray:
    return (draws @ rejected) / np.maximum(draws @ own, 1)[:, None]


def _crossing(far: np.ndarray, frr: np.ndarray) -> np.ndarray:
    """Return per row the middle of the thresholds at which the larger error is least."""
    worst = np.maximum(far, frr)
    best = worst <= worst.min(axis=1, keepdims=True) + 1e-12
    return np.array([GRID[row].mean() for row in best])


def _interval(value: float, drawn: np.ndarray, speakers: int) -> Interval:
    if value == 0.0:
        return Interval(0.0, 0.0, 1 - 0.05 ** (1 / speakers))
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Interval(value, float(low), float(high))
