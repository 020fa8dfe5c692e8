"""The living workers as slots, and how long they need for an amount of work."""

from collections.abc import Collection, Sequence
from itertools import combinations

import sqlalchemy as sa

from appliance.jobs.items import JOB_FAMILIES as FAMILIES
from appliance.jobs.registry import SEEN_WITHIN_S
from appliance.jobs.reserved import Kept, load_asked, load_living, reserve

Work = list[float]
"""Seconds of one worker per family, in the order of `FAMILIES`."""


class Fleet:
    """Slots of workers, each for every family that it takes, one batch at a time.

    The two lanes of an embedded worker share the host's processor and count as one slot.
    """

    def __init__(self, takes: Sequence[Collection[str]], kept: Sequence[Kept] | None = None) -> None:
        """Count slots by the families that each takes; `kept` says, slot by slot, what is reserved in it."""
        self.slots = {family: sum(family in families for families in takes) for family in FAMILIES}
        self._takes = takes
        self._kept = kept or [{}] * len(takes)
        self._groups = _binding(takes)
        self._of_plans: dict[str | None, Fleet] = {}

    def of(self, plan: str | None) -> "Fleet":
        """Return the slots that take a plan's work; of a plan that reserves nothing, those that are everybody's."""
        if not any(self._kept):
            return self
        plan = plan if any(plan in kept.values() for kept in self._kept) else None
        if plan not in self._of_plans:
            self._of_plans[plan] = Fleet(
                [
                    frozenset(family for family in families if kept.get(family, plan) == plan)
                    for families, kept in zip(self._takes, self._kept, strict=True)
                ]
            )
        return self._of_plans[plan]

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
    """Return the slots of the workers that were seen lately."""
    living = load_living(connection, now_s - SEEN_WITHIN_S)
    kept = reserve(load_asked(connection), living)
    return Fleet(list(living.values()), [kept[slot] for slot in living])


def _binding(takes: Sequence[Collection[str]]) -> list[tuple[tuple[int, ...], int]]:
    """Return the sets of families that can bind, with their workers: of two with as many, the larger has more work."""
    found: dict[int, list[tuple[int, ...]]] = {}
    for size in range(len(FAMILIES), 0, -1):
        for places in combinations(range(len(FAMILIES)), size):
            slots = sum(any(FAMILIES[place] in families for place in places) for families in takes)
            if slots and not any(set(places) <= set(larger) for larger in found.get(slots, ())):
                found.setdefault(slots, []).append(places)
    return [(places, slots) for slots, every in found.items() for places in every]
