"""Reserved slots: which slots of the living workers take the work of one plan alone.

Of the slots that take a family of work, those with the highest ids are reserved, plan by plan, the most important plan
first. One slot of every family stays everybody's, so with a single one nothing is kept. Each claim decides it from the
same rows: hosts agree without talking, and a worker that comes or goes changes it without anybody moving anything.
"""

from collections.abc import Collection, Mapping
from itertools import chain, repeat

import msgspec
import sqlalchemy as sa

from appliance.jobs.items import FAMILIES
from appliance.storage.tables import api_keys, applications, plans, workers

LOOK_EVERY_S = 3.0
"""How old a slot's view may be: rows of workers and plans change rarely, and a busy slot claims often."""

Slot = tuple[str, int]
"""A worker's id and the number of the slot within its process."""
Kept = Mapping[str, str]
"""The families of which a slot takes one plan's work alone, each with that plan; any other family is everybody's."""


def reserve(asked: Mapping[str, int], living: Mapping[Slot, Collection[str]]) -> dict[Slot, dict[str, str]]:
    """Return what is kept in each of the living slots, given by the families that they take.

    `asked` has the slots of each plan, the plan that comes first first.
    """
    kept: dict[Slot, dict[str, str]] = {slot: {} for slot in living}
    for family in FAMILIES:
        takers = sorted((slot for slot, families in living.items() if family in families), reverse=True)
        plan_by_plan = chain.from_iterable(repeat(plan, slots) for plan, slots in asked.items())
        for slot, plan in zip(takers[:-1], plan_by_plan, strict=False):
            kept[slot][family] = plan
    return kept


def load_asked(connection: sa.Connection) -> dict[str, int]:
    """Return the slots that plans reserve, the most important plan first; a plan that nobody can use reserves none.

    That is one without an application that has a valid key: the shipped plans would otherwise cost a site slots.
    """
    used = (
        sa.select(applications.c.id)
        .join(api_keys, api_keys.c.application_id == applications.c.id)
        .where(applications.c.plan == plans.c.name, api_keys.c.revoked_s.is_(None))
        .exists()
    )
    rows = connection.execute(
        sa.select(plans.c.name, plans.c.reserved_slots)
        .where(plans.c.reserved_slots > 0, used)
        .order_by(plans.c.priority, plans.c.name)
    )
    return {row.name: row.reserved_slots for row in rows}


def load_living(connection: sa.Connection, since_s: float) -> dict[Slot, frozenset[str]]:
    """Return the slots of workers that were seen since then, each with the families that it takes."""
    rows = connection.execute(
        sa.select(workers.c.id, workers.c.slots, workers.c.families).where(workers.c.seen_s >= since_s)
    )
    return {(row.id, number): frozenset(row.families) for row in rows for number in range(row.slots)}


class Reservation(msgspec.Struct, frozen=True, kw_only=True):
    """What a plan reserves, and how much of it is kept: the fewest slots over all families of work."""

    plan: str
    slots: int
    kept: int


def reservations(connection: sa.Connection, since_s: float) -> tuple[Reservation, ...]:
    """Return the reservations in force, as far as workers that were seen since then keep them."""
    asked = load_asked(connection)
    every = reserve(asked, load_living(connection, since_s)).values()
    return tuple(
        Reservation(
            plan=plan,
            slots=slots,
            kept=min(sum(kept.get(family) == plan for kept in every) for family in FAMILIES),
        )
        for plan, slots in asked.items()
    )


class OwnSlot:
    """One slot's view of what it is kept for."""

    def __init__(self, slot: Slot, seen_within_s: float) -> None:
        """Look for this slot; workers not seen for so many seconds are gone, and what they kept is given to others."""
        self._slot = slot
        self._seen_within_s = seen_within_s
        self._view: tuple[float, Kept] | None = None

    def kept(self, connection: sa.Connection, now_s: float) -> Kept:
        """Return what this slot is kept for, as it was at most three seconds ago."""
        if self._view is None or not 0 <= now_s - self._view[0] < LOOK_EVERY_S:
            return self.look(connection, now_s)
        return self._view[1]

    def look(self, connection: sa.Connection, now_s: float) -> Kept:
        """Return what this slot is kept for now; any thread may look for the one that claims."""
        asked = load_asked(connection)
        living = load_living(connection, now_s - self._seen_within_s) if asked else {}
        kept = reserve(asked, living).get(self._slot, {})
        self._view = (now_s, kept)
        return kept
