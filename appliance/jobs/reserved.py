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
from appliance.jobs.lanes import Paused
from appliance.storage.admin_tables import lane_pauses
from appliance.storage.tables import api_keys, applications, plans, workers

VIEW_S = 3.0
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
    rows = connection.execute(_asked().order_by(plans.c.priority, plans.c.name))
    return {row.name: row.reserved_slots for row in rows}


def _asked() -> sa.Select:
    used = (
        sa.select(applications.c.id)
        .join(api_keys, api_keys.c.application_id == applications.c.id)
        .where(applications.c.plan == plans.c.name, api_keys.c.revoked_s.is_(None))
        .exists()
    )
    return sa.select(plans.c.name, plans.c.reserved_slots, plans.c.priority).where(plans.c.reserved_slots > 0, used)


def load_living(connection: sa.Connection, since_s: float) -> dict[Slot, frozenset[str]]:
    """Return the slots of workers that were seen since then, each with the families that it takes.

    A worker that is to take nothing more has none: what it kept is kept by others.
    """
    rows = connection.execute(
        sa.select(workers.c.id, workers.c.slots, workers.c.families).where(
            workers.c.seen_s >= since_s, workers.c.draining_s.is_(None)
        )
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


class View(msgspec.Struct, frozen=True, kw_only=True):
    """What a slot has to know before it claims."""

    at_s: float
    kept: Kept = {}
    paused: Paused = {}
    """Lanes that nothing is taken from."""
    draining: bool = False
    """Whether its worker is to take nothing more."""

    @property
    def plain(self) -> bool:
        """Return whether nothing keeps the slot from any lane."""
        return not self.paused and not self.draining


class OwnSlot:
    """One slot's view of what it may take."""

    def __init__(self, slot: Slot, seen_within_s: float) -> None:
        """Look for this slot; workers not seen for so many seconds are gone, and what they kept is given to others."""
        self._slot = slot
        self._seen_within_s = seen_within_s
        self._view: View | None = None

    @property
    def draining(self) -> bool:
        """Return whether its worker is to take nothing more, as it was last seen."""
        return self._view is not None and self._view.draining

    def view(self, connection: sa.Connection, now_s: float) -> tuple[View, bool]:
        """Return what this slot may take, as it was at most three seconds ago, and whether that is of this moment."""
        view = self._view
        if view is None or not 0 <= now_s - view.at_s < VIEW_S:
            return self.look(connection, now_s), True
        return view, False

    def look(self, connection: sa.Connection, now_s: float) -> View:
        """Return what this slot may take now; any thread may look for the one that claims."""
        asked, paused, draining = _orders(connection, self._slot[0])
        living = load_living(connection, now_s - self._seen_within_s) if asked else {}
        kept = reserve(asked, living).get(self._slot, {})
        self._view = View(at_s=now_s, kept=kept, paused=paused, draining=draining)
        return self._view


def _orders(connection: sa.Connection, worker_id: str) -> tuple[dict[str, int], dict[str, list[int]], bool]:
    """Return what plans reserve, which lanes are paused, and whether this worker drains, by one statement."""
    asked = _asked().subquery()
    of_plans = sa.select(sa.literal("plan").label("kind"), asked.c.name, asked.c.reserved_slots, asked.c.priority)
    of_lanes = sa.select(sa.literal("lane"), lane_pauses.c.family, sa.literal(0), lane_pauses.c.priority)
    of_worker = sa.select(sa.literal("drain"), workers.c.id, sa.literal(0), sa.literal(0)).where(
        workers.c.id == worker_id, workers.c.draining_s.is_not(None)
    )
    reserved: dict[str, int] = {}
    paused: dict[str, list[int]] = {}
    draining = False
    rows = connection.execute(sa.union_all(of_plans, of_lanes, of_worker)).all()
    for kind, name, slots, priority in sorted(rows, key=lambda row: (row[3], row[1])):
        if kind == "plan":
            reserved[name] = slots
        elif kind == "lane":
            paused.setdefault(name, []).append(priority)
        else:
            draining = True
    return reserved, paused, draining
