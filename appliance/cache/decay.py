"""Counts that fade: what was counted a half-life ago counts half.

A count is its value at one moment. From these two numbers its value at any other moment follows in closed form, so time
alone never rewrites a row: value(t) = value · 2^(-(t - at_s) / half_life_s).
"""

import math
from typing import NamedTuple


class Count(NamedTuple):
    """What a count was worth at a moment, in seconds since the epoch."""

    value: float
    at_s: float

    def at(self, now_s: float, half_life_s: float) -> float:
        """Return what it is worth at another moment."""
        return self.value * 2.0 ** (-(now_s - self.at_s) / half_life_s)

    def rank(self, half_life_s: float) -> float:
        """Return a number by which counts sort as by their worth at any one moment: log2(value) + at_s / half-life.

        The moment falls out of the comparison: log2 of what a count is worth at t is its rank less t / half-life.
        """
        return rank_of(self.value, self.at_s, half_life_s)


NOTHING = Count(0.0, 0.0)


def counted(count: Count, happened_s: float, half_life_s: float, weight: float = 1.0) -> Count:
    """Return the count with something added that happened then; the order in which things are told does not matter."""
    if count.value == 0.0:
        return Count(weight, happened_s)
    at_s = max(count.at_s, happened_s)
    return Count(count.at(at_s, half_life_s) + Count(weight, happened_s).at(at_s, half_life_s), at_s)


def rank_of(value: float, at_s: float, half_life_s: float) -> float:
    """Return the rank of a worth at a moment; minus infinity would not be comparable in SQL, so nothing has none."""
    return math.log2(value) + at_s / half_life_s
