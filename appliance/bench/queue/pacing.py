"""How long the scripted engines of the rows take: as on a GPU, where a batch costs little more than one item."""

from appliance.bench.queue.site import Paces
from appliance.testing.pace import Pace

FURTHER = 0.2
"""Of the first item's time, for each further one: a batch of 8 gains 3.3, where 5 to 9 are published for Whisper."""


def pace(first_s: float) -> Pace:
    """Return an engine that takes so long for one item."""
    return Pace(first_s, FURTHER * first_s)


PACES: Paces = {"hear": pace(0.05), "translate": pace(0.01), "synthesize": pace(0.1)}
SAID = (
    f"engines sleep 50 ms to hear, 10 to translate, 100 to speak, and {FURTHER:.0%} of that for each further item of a "
    "batch"
)
