"""What every measurement works with: models, a scratch folder, a way to start an appliance, and the plan of rounds."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from appliance.bench.figures import is_steady
from appliance.bench.quiet import undisturbed
from appliance.bench.rounds import Plan, Sample, Timings, Turn, interleaved, stopwatch
from appliance.catalog.store import ModelStore
from appliance.clock import Clock, SystemClock
from appliance.errors import ModelMissing
from appliance.settings import Settings

DEMO_RECORDING = "demo-recording"


@dataclass(frozen=True, slots=True)
class Running:
    """A started appliance: where it answers, a key for it, and the settings it runs with."""

    url: str
    key: str
    settings: Settings


@dataclass(frozen=True)
class Lab:
    """Handed to every measurement. The settings name an empty data folder that lives as long as the bench."""

    settings: Settings
    store: ModelStore
    plan: Plan
    open_appliance: Callable[[Settings], AbstractContextManager[Running]]
    say: Callable[[str], None] = lambda _: None
    recordings: Path | None = None
    """Folder of human recordings, None where there is none."""
    clock: Clock = field(default_factory=SystemClock)

    @property
    def threads(self) -> int:
        """Return how many threads the engines of both sides get."""
        return self.settings.threads or os.cpu_count() or 1

    @property
    def quick(self) -> bool:
        """Return whether this run only shows that the rows run."""
        return self.plan.rounds < 5

    def model_folder(self, task: str) -> Path:
        """Return the folder of the preset's model for a task, checked; ModelMissing where there is none."""
        models = self.store.catalog.of_set(self.settings.model_preset, task=task)
        if not models:
            raise ModelMissing(f"The model preset '{self.settings.model_preset}' has no model for {task}.")
        return self.store.require(models[0].id)

    def demo_recording(self) -> Path:
        """Return the demo's recording: eleven seconds of human English."""
        return next(self.store.require(DEMO_RECORDING).glob("*.wav"))

    def timed(self, name: str, a: Turn, b: Turn) -> Timings:
        """Run both sides by turns after this lab's plan, going on while A's own control is out of bounds.

        Except in a quick run, a turn waits for other programs to be quiet and is repeated when they were not.
        """
        runs = 0

        def counted(turn: Turn) -> Turn:
            careful = turn if self.quick else undisturbed(turn, self.clock)

            def run() -> Sample:
                nonlocal runs
                runs += 1
                self.say(f"{name}: run {runs} of at least {2 * (self.plan.rounds + self.plan.warm_up)}")
                return careful()

            return run

        return interleaved(counted(a), counted(b), self.plan, is_steady)

    def stopwatch(self, run: Callable[..., object], prepare: Callable[[], object] | None = None) -> Turn:
        """Return a turn that times `run` with this lab's clock."""
        return stopwatch(self.clock, run, prepare)
