"""The living workers as slots, and how long they need for an amount of work."""

from collections.abc import Collection, Sequence
from itertools import combinations

import sqlalchemy as sa

from appliance.jobs.rates import FAMILIES
from appliance.jobs.registry import SEEN_WITHIN_S
from appliance.storage.tables import workers

Work = list[float]
"""Seconds of one worker per family, in the order of `FAMILIES`."""


class Fleet:
    """Workers, each a slot for every family that it takes, one batch at a time."""

    def __init__(self, takes: Sequence[Collection[str]]) -> None:
        """Count these workers by the families that each takes."""
        self.slots = {family: sum(family in families for families in takes) for family in FAMILIES}
        self._groups = _binding(takes)

    @property
    def complete(self) -> bool:
        """Return whether there is a worker for every family: without, nobody can tell when work ends."""
        return all(self.slots.values())

    def time_s(self, work: Work) -> float:
        """Return how long the workers need for work that can be split at will.

        By max-flow min-cut that is the largest, over all sets of families, of the set's work divided by the workers
        that take any of it.
        """
        return max(sum(work[place] for place in places) / slots for places, slots in self._groups)


def load_fleet(connection: sa.Connection, now_s: float) -> Fleet:
    """Return the workers that were seen lately."""
    rows = connection.scalars(sa.select(workers.c.families).where(workers.c.seen_s >= now_s - SEEN_WITHIN_S))
    return Fleet([frozenset(families) for families in rows])


def _binding(takes: Sequence[Collection[str]]) -> list[tuple[tuple[int, ...], int]]:
    """Return the sets of families that can bind, with their workers: of two with as many, the larger has more work."""
    found: dict[int, list[tuple[int, ...]]] = {}
    for size in range(len(FAMILIES), 0, -1):
        for places in combinations(range(len(FAMILIES)), size):
            slots = sum(any(FAMILIES[place] in families for place in places) for families in takes)
            if slots and not any(set(places) <= set(larger) for larger in found.get(slots, ())):
                found.setdefault(slots, []).append(places)
    return [(places, slots) for slots, every in found.items() for places in every]
