"""Timing the two sides of a row after a plan of rounds."""

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from appliance.bench.figures import is_steady
from appliance.bench.quiet import others_cpu_s, undisturbed
from appliance.bench.rounds import Plan, Sample, Timings, Turn, interleaved, repeated, stopwatch
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
        say = self._counter(name, 2)
        return interleaved(self._careful(a, say), self._careful(b, say), self.plan, is_steady)

    def repeated(self, name: str, a: Turn) -> list[Sample]:
        """Run A alone in the same way, for a row whose other side cannot run by turns with it."""
        return repeated(self._careful(a, self._counter(name, 1)), self.plan, is_steady)

    def stopwatch(self, run: Callable[..., object], prepare: Callable[[], object] | None = None) -> Turn:
        """Return a turn that times `run` with this clock."""
        return stopwatch(self.clock, run, prepare)

    def _counter(self, name: str, sides: int) -> Callable[[], None]:
        runs = itertools.count(1)
        least = sides * (self.plan.rounds + self.plan.warm_up)
        return lambda: self.say(f"{name}: run {next(runs)} of at least {least}")

    def _careful(self, turn: Turn, say: Callable[[], None]) -> Turn:
        quiet = turn if self.quick else undisturbed(turn, self.clock, self.others_s)

        def run() -> Sample:
            say()
            return quiet()

        return run
