"""A site that was commissioned as `meeshy commission` does it: with the engines that its workers have."""

from appliance.bench.commissioning import commission
from appliance.bench.trial import opened_trial
from appliance.commands.commission import _store
from appliance.engines.protocols import SPEECH_RATE_HZ
from appliance.settings import Settings
from appliance.storage.shipped import SHIPPED_PLANS
from appliance.testing.engines import scripted_speech
from appliance.testing.timed import CHARACTERS_PER_SPOKEN_S, timed

RECORDING_S = 4


def commission_site(settings: Settings) -> float:
    """Measure the timed engines, store what admission needs, and return the scale of deadlines."""
    text = ("good morning to everybody who hears this " * 9)[: RECORDING_S * CHARACTERS_PER_SPOKEN_S]
    recording = scripted_speech(text, RECORDING_S * SPEECH_RATE_HZ)
    strictest_s = min(plan["sla_s"] for plan in SHIPPED_PLANS)
    with opened_trial(settings, timed) as trial:
        figures, measured = commission(trial, recording, strictest_s, lambda said: None)
    _store(settings, figures, measured)
    return figures.sla_scale
