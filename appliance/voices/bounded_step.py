"""A step of the voice search: the damped least-squares move of a mixture's weights that stays within their bound."""

import numpy as np

MOST_WEIGHT = 2.0
"""Bound of the sum of the weights' sizes: far outside the stock voices Kokoro slurs."""
_MAX_STEP = 0.35
_MOST_ITERATIONS, _CONVERGED = 500, 1e-6


def bounded_step(
    slope: np.ndarray, residual: np.ndarray, damping: float, usable: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Return the damped least-squares move of the usable weights; it sums to 0 and is bounded.

    `slope` [width, voices] is how the embedding moves with the weights, `residual` [width] what is left to the speaker.
    Weights may turn negative (away from a voice), which mixing alone cannot reach. At the bound the move goes along it:
    one that is only shortened there comes to nothing (with `af_nicole` as the speaker, from the third step on).
    """
    now, basis = weights[usable], slope[:, usable]
    total = float(now.sum())
    size = max(MOST_WEIGHT - float(np.abs(weights[~usable]).sum()), float(np.abs(now).sum()))
    curve = basis.T @ basis + damping * np.eye(len(now))
    pull = basis.T @ residual
    pace = float(np.linalg.eigvalsh(curve)[-1])
    # Accelerated projected gradient (Beck and Teboulle, 2009): the set is convex and its projection is exact.
    found = ahead = now
    momentum = 1.0
    for _ in range(_MOST_ITERATIONS):
        moved = projected(ahead - (curve @ (ahead - now) - pull) / pace, total, size)
        faster = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead = moved + (momentum - 1) / faster * (moved - found)
        done = float(np.abs(moved - found).max()) < _CONVERGED
        found, momentum = moved, faster
        if done:
            break
    move = np.zeros(len(weights))
    move[usable] = found - now
    return move * min(1.0, _MAX_STEP / max(float(np.linalg.norm(move)), 1e-9))


def projected(weights: np.ndarray, total: float, size: float) -> np.ndarray:
    """Return the nearest weights that sum to `total` and whose sizes sum to at most `size` (at least |total|).

    Where the bound is active, the positive part sums to (size + total) / 2 and the negative one to the rest; each is
    the projection onto a simplex.
    """
    shifted = weights + (total - weights.sum()) / len(weights)
    if np.abs(shifted).sum() <= size:
        return shifted
    return _simplex(weights, (size + total) / 2) - _simplex(-weights, (size - total) / 2)


def _simplex(weights: np.ndarray, total: float) -> np.ndarray:
    """Return the nearest weights ≥ 0 that sum to `total` (Held, Wolfe and Crowder, 1974)."""
    ranked = np.sort(weights)[::-1]
    excess = (np.cumsum(ranked) - total) / np.arange(1, len(ranked) + 1)
    last = np.flatnonzero(ranked > excess)
    return np.maximum(weights - excess[last[-1]], 0.0) if len(last) else np.zeros(len(weights))
