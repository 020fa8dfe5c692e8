"""What engines worked for one item of a batch: its share of the batch's time."""

from collections.abc import Sequence


def shares_s(elapsed_s: float, weights: Sequence[float]) -> list[float]:
    """Return the seconds of a batch for each of its items, by what each gave the engines; they add up to the whole.

    `weights` are in any one unit: samples, characters. All 0.0 where no item gave anything.
    """
    total = sum(weights)
    return [elapsed_s * weight / total if total else 0.0 for weight in weights]
