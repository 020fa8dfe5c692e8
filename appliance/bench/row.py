"""A row of the report, and how it is judged."""

from statistics import mean
from typing import Literal

import msgspec

from appliance.bench.figures import control, is_steady, median_ms, min_ms
from appliance.bench.rounds import Timings

DemandSide = Literal["least", "most", "rate", "at_most_ms"]
Verdict = Literal["holds", "falls_short", "check_failed", "inconclusive", "not_run"]


class Demand(msgspec.Struct, frozen=True, kw_only=True):
    """What a row has to reach.

    `least` bounds B / A (how many times faster we are), `most` A / B (what we add); `rate` bounds how much A does in a
    second, `at_most_ms` how long A takes, whatever B does.
    """

    bound: float
    side: DemandSide = "least"

    def met_by(self, value: float) -> bool:
        """Return whether a ratio, or a rate where that is demanded, is within the demand."""
        return value <= self.bound if self.side in ("most", "at_most_ms") else value >= self.bound


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """Whether both sides gave the output they should have given in the timed runs, and what was compared."""

    passed: bool
    detail: str


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One measurement. Times are milliseconds; A is ours, B the baseline."""

    name: str
    ratio: float | None
    """Of medians."""
    demand: float
    demand_is: DemandSide
    holds: bool | None
    """None where the run allows no statement."""
    a: float | None
    """Median of A."""
    b: float | None
    control: float | None
    """A against A."""
    check: Check | None
    verdict: Verdict
    per_s: float | None = None
    """What A does in a second, at the median; only where that is demanded."""
    min_ratio: float | None = None
    rounds: int = 0
    others: float = 0.0
    """Cores that other programs used during the runs, on average."""
    a_is: str = ""
    b_is: str = ""
    threads: str = ""
    figures: dict[str, float] = {}
    """Further numbers of the same runs; units in the names."""
    reason: str = ""
    """Why it was not run."""


class Sides(msgspec.Struct, frozen=True, kw_only=True):
    """What the two sides of a row are, in words, and on which threads they ran."""

    a: str
    b: str
    threads: str


def judged(
    name: str,
    demand: Demand,
    timings: Timings,
    check: Check,
    sides: Sides,
    figures: dict[str, float] | None = None,
    per_s: float | None = None,
    at_most_ms: float | None = None,
) -> Row:
    """Return the row of finished timings.

    A failed check never holds; otherwise a control out of bounds makes the row inconclusive, and else the ratio of
    medians, or `per_s` or `at_most_ms` where such a figure is demanded, is held against the demand.
    """
    upper, lower = (timings.a, timings.b) if demand.side in ("most", "at_most_ms") else (timings.b, timings.a)
    ratio = median_ms(upper) / median_ms(lower)
    verdict: Verdict
    if not check.passed:
        verdict = "check_failed"
    elif not is_steady(timings.a):
        verdict = "inconclusive"
    else:
        figure = next(value for value in (per_s, at_most_ms, ratio) if value is not None)
        verdict = "holds" if demand.met_by(figure) else "falls_short"
    own_control = control(timings.a)
    return Row(
        name=name,
        ratio=round(ratio, 3),
        demand=demand.bound,
        demand_is=demand.side,
        holds={"holds": True, "inconclusive": None}.get(verdict, False),
        a=round(median_ms(timings.a), 2),
        b=round(median_ms(timings.b), 2),
        control=None if own_control is None else round(own_control, 3),
        check=check,
        verdict=verdict,
        per_s=None if per_s is None else round(per_s, 1),
        min_ratio=round(min_ms(upper) / min_ms(lower), 3),
        rounds=len(timings.a),
        others=round(mean(sample.others for sample in (*timings.a, *timings.b)), 3),
        a_is=sides.a,
        b_is=sides.b,
        threads=sides.threads,
        figures={key: round(value, 3) for key, value in (figures or {}).items()},
    )


def not_run(name: str, demand: Demand, reason: str) -> Row:
    """Return the row of a measurement that could not be made."""
    return Row(
        name=name, ratio=None, demand=demand.bound, demand_is=demand.side, holds=None, a=None, b=None, control=None,
        check=None, verdict="not_run", reason=reason,
    )  # fmt: skip
