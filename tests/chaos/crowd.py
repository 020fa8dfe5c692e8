"""Applications of every plan as shipped, and what they send: notes that come at random, however the server does."""

import heapq
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from appliance.access.keys import create_key
from appliance.audio.pcm import pcm_of
from appliance.audio.wav import wav_bytes
from appliance.engines.protocols import SPEECH_RATE_HZ
from appliance.storage.database import Database
from appliance.testing.engines import scripted_speech
from appliance.testing.timed import CHARACTERS_PER_SPOKEN_S

APPLICATIONS = {"free": 150, "pro": 60, "business": 6, "enterprise": 3}
"""So many that at five times the load no plan's own limits are what refuses: those of requests a minute and a month."""
USERS = 40
SHORTEST_S, LONGEST_S = 2.0, 8.0
WORDS = ("delivery", "customer", "thursday", "morning", "before", "station", "because", "weather", "letter", "between")

Rates = Mapping[str, float]
"""Notes a second by plan."""


@dataclass(frozen=True)
class Note:
    """One request: when, whose, and what is said."""

    at_s: float
    number: int
    plan: str
    bearer: str
    user: str
    text: str
    audio_s: float

    @property
    def key(self) -> str:
        return f"note-{self.number}"

    def wav(self) -> bytes:
        samples = scripted_speech(self.text, round(self.audio_s * SPEECH_RATE_HZ))
        return wav_bytes(pcm_of(samples), SPEECH_RATE_HZ)


class Crowd:
    """The applications; everything random follows from the seed."""

    def __init__(self, database: Database, seed: int) -> None:
        self._seed = seed
        self._bearers = {
            plan: [create_key(database, f"{plan}-{number}", "app", plan).key for number in range(count)]
            for plan, count in APPLICATIONS.items()
        }
        self._sent = 0

    def notes(self, rates_hz: Rates, seconds: float) -> Iterator[Note]:
        """Yield notes as they come in so many seconds, a Poisson process for each plan, in order.

        A plan's notes are the same in every load that has the same rate of them, but for what they say.
        """
        for at_s, plan, rng in heapq.merge(*(self._arrivals(plan, hz, seconds) for plan, hz in rates_hz.items())):
            self._sent += 1
            audio_s = rng.uniform(SHORTEST_S, LONGEST_S)
            yield Note(
                at_s, self._sent, plan, rng.choice(self._bearers[plan]), f"user-{rng.randrange(USERS)}",
                self._said(audio_s), audio_s,
            )  # fmt: skip

    def _arrivals(self, plan: str, rate_hz: float, seconds: float) -> Iterator[tuple[float, str, random.Random]]:
        rng, at_s = random.Random(f"{self._seed} {plan}"), 0.0
        while (at_s := at_s + rng.expovariate(rate_hz)) < seconds:
            yield at_s, plan, rng

    def _said(self, audio_s: float) -> str:
        """Return what nobody has said before, as long as the recording."""
        text, rng = f"run {self._seed} note {self._sent}", random.Random(self._sent)
        while len(text) < audio_s * CHARACTERS_PER_SPOKEN_S:
            text += f" {rng.choice(WORDS)}"
        return text
