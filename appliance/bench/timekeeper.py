"""Timing the two sides of a row after a plan of rounds."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from appliance.bench.figures import is_steady
from appliance.bench.quiet import others_cpu_s, undisturbed
from appliance.bench.rounds import Plan, Sample, Timings, Turn, interleaved, stopwatch
from appliance.clock import Clock, SystemClock


@dataclass(frozen=True, kw_only=True)
class Timekeeper:
    """What every measurement is timed with."""

    plan: Plan
    say: Callable[[str], None] = lambda _: None
    clock: Clock = field(default_factory=SystemClock)
    pause: Callable[[float], None] = time.sleep
    """Lets real processes go on for so many seconds."""
    others_s: Callable[[], float] = others_cpu_s
    """Gives the processor seconds of everything that is not part of the measurement."""

    @property
    def quick(self) -> bool:
        """Return whether this run only shows that the rows run."""
        return self.plan.rounds < 5

    def timed(self, name: str, a: Turn, b: Turn) -> Timings:
        """Run both sides by turns after the plan, going on while A's own control is out of bounds.

        Except in a quick run, a turn waits for other programs to be quiet and is repeated when they were not.
        """
        runs = 0

        def counted(turn: Turn) -> Turn:
            careful = turn if self.quick else undisturbed(turn, self.clock, self.others_s)

            def run() -> Sample:
                nonlocal runs
                runs += 1
                self.say(f"{name}: run {runs} of at least {2 * (self.plan.rounds + self.plan.warm_up)}")
                return careful()

            return run

        return interleaved(counted(a), counted(b), self.plan, is_steady)

    def stopwatch(self, run: Callable[..., object], prepare: Callable[[], object] | None = None) -> Turn:
        """Return a turn that times `run` with this clock."""
        return stopwatch(self.clock, run, prepare)
