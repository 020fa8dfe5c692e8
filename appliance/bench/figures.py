"""What the timings of two sides say: ratios of medians and of minima, and how far A differs from itself."""

from collections.abc import Sequence
from statistics import median

from appliance.bench.rounds import Sample

CONTROL_BOUNDS = (0.95, 1.05)
"""Outside, the machine was too unquiet for the ratio to mean anything (shared research, performance, section 8)."""


def median_ms(samples: Sequence[Sample]) -> float:
    """Return the median run in milliseconds."""
    return 1000 * median(sample.elapsed_s for sample in samples)


def min_ms(samples: Sequence[Sample]) -> float:
    """Return the fastest run in milliseconds."""
    return 1000 * min(sample.elapsed_s for sample in samples)


def control(samples: Sequence[Sample]) -> float | None:
    """Return the A/A control: the median of one half of a side's runs over that of the other; None under two runs.

    The halves are dealt 0 3 4 7 … and 1 2 5 6 …, so that drift and the place within a round fall on both alike.
    """
    dealt = [sample.elapsed_s for number, sample in enumerate(samples) if number % 4 in (0, 3)]
    others = [sample.elapsed_s for number, sample in enumerate(samples) if number % 4 in (1, 2)]
    if not dealt or not others:
        return None
    return median(dealt) / median(others)


def is_steady(samples: Sequence[Sample]) -> bool:
    """Return whether a side's control lies within the bounds."""
    found = control(samples)
    return found is not None and CONTROL_BOUNDS[0] <= found <= CONTROL_BOUNDS[1]
