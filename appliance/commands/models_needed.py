"""Making sure that the models of the preset are there before something is started that needs them."""

import sys

from rich.console import Console

from appliance.catalog.bars import PullBars
from appliance.catalog.pull import pull
from appliance.catalog.store import ModelStore
from appliance.settings import Settings


def ensure_models(settings: Settings) -> None:
    """Pull what is missing of the model preset, with progress bars; does nothing, and needs no network, otherwise."""
    store = ModelStore(settings)
    missing = [m.id for m in store.catalog.of_set(settings.model_preset) if store.check(m.id).state != "installed"]
    if missing:
        with PullBars(Console(file=sys.stderr)) as bars:
            pull(store, missing, progress=bars)
