"""A stream of requests whose phrases are as unevenly wanted as words are: the n-th most wanted one 1/n as often."""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from appliance.cache.keys import phrase_key
from models.packs.phrases import RECORDINGS_ORIGIN, load_base

SOURCE = "en"
TARGETS = ("fr", "es")
FRENCH_SHARE = 0.7
PHRASES = 500
FROM_CORPUS = 0.4
"""Share of the phrases that the corpus knows; the others are about a harbour, of which it says nothing."""
USERS = 40
EXPONENT = 1.0

_WHO = ("crane", "pilot boat", "tug", "harbour master", "night shift", "customs officer", "dredger", "mooring gang",
        "lock keeper", "reefer crew", "bunker barge", "yard tractor", "gangway watch", "stevedore", "survey launch",
        "ballast pump", "ship's cook", "berth planner", "diver", "rigger")  # fmt: skip
_WHAT = ("is waiting at berth", "has left berth", "needs help at berth", "is late for berth", "has a fault at berth",
         "is ready at berth", "reports no water at berth", "wants a lamp at berth", "has moved to berth",
         "will not come to berth")  # fmt: skip
_WHERE = ("one", "two", "three", "four", "five")


class Asked(NamedTuple):
    """One request: who says what, and into which language."""

    number: int
    user: str
    text: str
    target: str


def vocabulary(corpus: Path, rng: random.Random) -> list[str]:
    """Return the phrases of a stream, the most wanted first."""
    of_corpus = sorted({phrase.en for phrase in load_base(corpus) if phrase.origin != RECORDINGS_ORIGIN})
    known = {phrase_key(text, SOURCE, TARGETS[0]) for text in of_corpus}
    harbour = [f"The {who} {what} {where}." for who in _WHO for what in _WHAT for where in _WHERE]
    others = [text for text in harbour if phrase_key(text, SOURCE, TARGETS[0]) not in known]
    from_corpus = round(PHRASES * FROM_CORPUS)
    phrases = [*rng.sample(of_corpus, from_corpus), *rng.sample(others, PHRASES - from_corpus)]
    rng.shuffle(phrases)
    return phrases


def requests(phrases: Sequence[str], count: int, rng: random.Random) -> Iterator[Asked]:
    """Yield so many requests of users who all want the same things."""
    weights = [1 / (rank + 1) ** EXPONENT for rank in range(len(phrases))]
    for number, text in enumerate(rng.choices(phrases, weights, k=count)):
        target = TARGETS[0] if rng.random() < FRENCH_SHARE else TARGETS[1]
        yield Asked(number, f"user{rng.randrange(USERS)}", text, target)
