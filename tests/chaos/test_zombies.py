"""Workers stopped past their lease and woken when others have their work: what they then write changes nothing.

In full with the lease, poll and attempts that the appliance ships with. Others are stopped when the items of the last
have ended: an item that meets three zombies would be the cap on attempts at work, which has a suite of its own.
"""

import random
from collections.abc import Collection
from dataclasses import dataclass

import pytest
import sqlalchemy as sa

from appliance.storage.tables import work_items
from tests.chaos.fleet import Fleet, Slot, stop, wake
from tests.chaos.scene import Scene, messages
from tests.processes.conftest import eventually

PACE_S = 0.15
PATIENCE_S = 300.0


@dataclass(frozen=True)
class Night:
    """How many zombies there are in all and how many at once, among so many workers."""

    zombies: int
    at_once: int
    workers: int
    jobs_waiting: int
    """So many at least are open before workers are stopped, so that they hold something."""
    full: bool = False


ORDINARY = Night(zombies=5, at_once=3, workers=4, jobs_waiting=12)
FULL = Night(zombies=100, at_once=6, workers=8, jobs_waiting=60, full=True)


@pytest.mark.parametrize("night", [ORDINARY, pytest.param(FULL, marks=pytest.mark.full)], ids=["few", "all"])
def test_workers_that_wake_after_their_lease_overwrite_nothing(staged, redis, seed, figures, night):
    rng = random.Random(seed)
    quick = {"lease_s": 1.0, "poll_s": 0.25}
    scene = staged(redis_url=redis.url, as_shipped=night.full, **({} if night.full else quick))
    scene.fleet.staffed(apis=1, workers_=night.workers, pace_s=PACE_S)
    zombies = items = 0
    while zombies < night.zombies:
        _supply(scene, seed, night.jobs_waiting)
        held = _a_round(scene.fleet, rng, min(night.at_once, night.zombies - zombies))
        zombies += len(held)
        items += sum(held)
    found = scene.finish(within_s=PATIENCE_S)
    stale = scene.fleet.log_lines("was taken over")
    cut = scene.fleet.log_lines("batch left to its lease")
    figures(zombies=zombies, items_held=items, jobs=len(scene.history.submitted), stale_fences=stale,
            cut_transactions=cut, overwrites=len(found.resurrected), **found.counts())  # fmt: skip
    assert found.all() == []
    assert stale > 0


def _supply(scene: Scene, seed: int, jobs_waiting: int) -> None:
    """Send as many jobs as are missing."""
    if missing := max(0, jobs_waiting - scene.fleet.open_jobs()):
        scene.send(messages(seed, missing, first=len(scene.history.submitted)))
        scene.all_sent()


def _a_round(fleet: Fleet, rng: random.Random, at_once: int) -> list[int]:
    """Stop workers at work, wake them when all they held is another's, and return how much each held."""
    ids = fleet.worker_ids()
    workers = rng.sample(fleet.of("worker"), len(fleet.of("worker")))
    stopped: list[Slot] = [slot for slot in workers if fleet.held_by(ids[slot.process.pid])][:at_once]
    for slot in stopped:
        stop(slot.process)
    held = {slot: fleet.held_by(ids[slot.process.pid]) for slot in stopped}
    try:
        for slot in stopped:
            eventually(
                lambda slot=slot: not (fleet.held_by(ids[slot.process.pid]).items() & held[slot].items()),
                "a stopped worker's items are taken from it",
                PATIENCE_S,
            )
    finally:
        for slot in stopped:
            wake(slot.process)
    all_held = {item_id for items in held.values() for item_id in items}
    eventually(lambda: not _open(fleet, all_held), "what they held ends", PATIENCE_S)
    return [len(items) for items in held.values() if items]


def _open(fleet: Fleet, item_ids: Collection[str]) -> bool:
    query = sa.select(work_items.c.id).where(
        work_items.c.id.in_(item_ids), work_items.c.state.in_(["ready", "claimed"])
    )
    return bool(fleet.rows(query))
