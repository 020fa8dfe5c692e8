"""What was measured in a stretch of time, such that two stretches add up to the longer one.

Percentiles of a whole are no function of its parts' percentiles, so seconds are kept as a histogram: its bounds grow by
a tenth, and the middle of one is at most 5 % away from what was measured.
"""

import math
from collections.abc import Iterable, Mapping

import msgspec

GROWTH = 1.1
LEAST_S = 0.001
_LOG = math.log(GROWTH)


class Slice(msgspec.Struct, kw_only=True):
    """Sums of a stretch of time, by name."""

    counts: dict[str, float] = {}
    """How often, or sums of what was measured."""
    seconds: dict[str, dict[int, int]] = {}
    """How many measured seconds lie in each step of a histogram."""
    levels: dict[str, list[float]] = {}
    """What was looked at now and then: sum of the looks, their number, the largest."""

    def count(self, name: str, value: float = 1.0) -> None:
        """Add to a count."""
        self.counts[name] = self.counts.get(name, 0.0) + value

    def measure(self, name: str, seconds: float, times: int = 1) -> None:
        """Add seconds to a histogram."""
        steps, step = self.seconds.setdefault(name, {}), step_of(seconds)
        steps[step] = steps.get(step, 0) + times

    def look(self, name: str, value: float) -> None:
        """Add a look at a level."""
        total, looks, most = self.levels.get(name, (0.0, 0.0, value))
        self.levels[name] = [total + value, looks + 1, max(most, value)]

    def add(self, other: "Slice") -> None:
        """Add everything of another stretch."""
        for name, value in other.counts.items():
            self.count(name, value)
        for name, steps in other.seconds.items():
            mine = self.seconds.setdefault(name, {})
            for step, times in steps.items():
                mine[step] = mine.get(step, 0) + times
        for name, (total, looks, most) in other.levels.items():
            mine_total, mine_looks, mine_most = self.levels.get(name, (0.0, 0.0, most))
            self.levels[name] = [mine_total + total, mine_looks + looks, max(mine_most, most)]

    def __bool__(self) -> bool:
        """Return whether anything is in it."""
        return bool(self.counts or self.seconds or self.levels)


def slice_from(document: object) -> Slice:
    """Return a stored slice."""
    return msgspec.convert(document, Slice, str_keys=True)


def together(slices: Iterable[Slice]) -> Slice:
    """Return the slice of all these stretches."""
    whole = Slice()
    for each in slices:
        whole.add(each)
    return whole


def step_of(seconds: float) -> int:
    """Return the step of the histogram that seconds lie in."""
    return math.ceil(math.log(max(seconds, LEAST_S)) / _LOG)


def percentile(steps: Mapping[int, int], share: float) -> float | None:
    """Return the seconds at nearest rank, up to 5 % off; None where nothing was measured."""
    rank = math.ceil(sum(steps.values()) * share)
    passed = 0
    for step in sorted(steps):
        passed += steps[step]
        if passed >= rank > 0:
            return GROWTH ** (step - 0.5)
    return None
