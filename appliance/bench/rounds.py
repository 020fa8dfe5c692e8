"""Timing two sides by turns, A B B A A B …, so that a machine which slows down or is disturbed slows both."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from appliance.clock import Clock


@dataclass(frozen=True, slots=True)
class Plan:
    """How often each side runs; a round is one run of A and one of B."""

    rounds: int = 6
    most_rounds: int = 12
    """A row whose control is out of bounds goes on to this many rounds before it says `inconclusive`."""
    warm_up: int = 1
    """Runs of each side before the first round, not counted."""


THOROUGH = Plan()
QUICK = Plan(rounds=2, most_rounds=2)
"""Shows that a row runs; its figures are not meant to be quoted."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One run: its seconds and what it gave, for the check."""

    elapsed_s: float
    output: Any = None
    others: float = 0.0
    """Cores that programs outside the bench used meanwhile, on average; 0 where nobody looked."""


Turn = Callable[[], Sample]
"""Prepares, untimed, whatever one run needs, runs it once, and returns the sample."""


@dataclass(frozen=True, slots=True)
class Timings:
    """All counted runs of both sides, each in the order in which they ran."""

    a: list[Sample] = field(default_factory=list)
    b: list[Sample] = field(default_factory=list)


def order(rounds: int) -> Iterator[str]:
    """Yield the sides in the order in which they run: A B, B A, A B, …"""
    for number in range(rounds):
        yield from "AB" if number % 2 == 0 else "BA"


def interleaved(a: Turn, b: Turn, plan: Plan, steady: Callable[[Sequence[Sample]], bool] = lambda _: True) -> Timings:
    """Run both sides by turns and return every counted run.

    `steady` looks at A's samples after the planned rounds; while it says no, two more rounds follow, up to the plan's
    most. It never sees B, so it cannot stop at a flattering ratio.
    """
    turns = {"A": a, "B": b}
    for _ in range(plan.warm_up):
        a()
        b()
    timings = Timings()
    kept = {"A": timings.a, "B": timings.b}
    for number, side in enumerate(order(plan.most_rounds)):
        rounds, begins = divmod(number, 2)
        enough = begins == 0 and rounds >= plan.rounds and (rounds - plan.rounds) % 2 == 0
        if enough and steady(timings.a):
            break
        kept[side].append(turns[side]())
    return timings


def repeated(a: Turn, plan: Plan, steady: Callable[[Sequence[Sample]], bool] = lambda _: True) -> list[Sample]:
    """Run one side alone after the plan and return every counted run; goes on as `interleaved` does."""
    return interleaved(a, lambda: Sample(0.0), plan, steady).a


def stopwatch(clock: Clock, run: Callable[..., Any], prepare: Callable[[], Any] | None = None) -> Turn:
    """Return a turn that times `run`; with `prepare`, that is called first, untimed, and its result handed to `run`."""

    def turn() -> Sample:
        given = () if prepare is None else (prepare(),)
        started_s = clock.monotonic_s()
        output = run(*given)
        return Sample(clock.monotonic_s() - started_s, output)

    return turn
