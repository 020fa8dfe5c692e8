"""What every measurement of `bench speed` works with: models, a scratch folder, a way to start an appliance."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from appliance.bench.timekeeper import Timekeeper
from appliance.catalog.store import ModelStore
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
class Lab(Timekeeper):
    """Handed to every measurement. The settings name an empty data folder that lives as long as the bench."""

    settings: Settings
    store: ModelStore
    open_appliance: Callable[[Settings], AbstractContextManager[Running]]
    recordings: Path | None = None
    """Folder of human recordings, None where there is none."""

    @property
    def threads(self) -> int:
        """Return how many threads the engines of both sides get."""
        return self.settings.threads or os.cpu_count() or 1

    def model_folder(self, task: str) -> Path:
        """Return the folder of the preset's model for a task, checked; ModelMissing where there is none."""
        models = self.store.catalog.of_set(self.settings.model_preset, task=task)
        if not models:
            raise ModelMissing(f"The model preset '{self.settings.model_preset}' has no model for {task}.")
        return self.store.require(models[0].id)

    def demo_recording(self) -> Path:
        """Return the demo's recording: eleven seconds of human English."""
        return next(self.store.require(DEMO_RECORDING).glob("*.wav"))
