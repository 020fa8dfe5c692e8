"""Workers stopped past their lease and woken when others have their work: what they then write changes nothing."""

import random

import pytest

from tests.chaos.fleet import Slot, stop, wake
from tests.chaos.scene import Scene, messages
from tests.processes.conftest import eventually

LEASE_S = 1.0
PACE_S = 0.15
WORKERS = 4
AT_ONCE = 3
JOBS_WAITING = 12
"""So many at least are open, so that workers hold something when they are stopped."""


@pytest.mark.timeout(900)
@pytest.mark.parametrize("wanted", [5, pytest.param(100, marks=pytest.mark.full)], ids=["few", "all"])
def test_workers_that_wake_after_their_lease_overwrite_nothing(staged, redis, seed, figures, wanted):
    rng = random.Random(seed)
    # One item may meet several zombies: that is no poison, and the cap on attempts has a suite of its own.
    scene = staged(redis_url=redis.url, lease_s=LEASE_S, poll_s=0.25, attempts=20)
    scene.fleet.staffed(apis=1, workers_=WORKERS, pace_s=PACE_S)
    zombies = sent = 0
    while zombies < wanted:
        if scene.fleet.open_jobs() < JOBS_WAITING:
            scene.send(messages(seed, JOBS_WAITING, first=sent))
            scene.all_sent()
            sent += JOBS_WAITING
        zombies += _a_round(scene, rng, min(AT_ONCE, wanted - zombies))
    found = scene.finish(within_s=120)
    stale = scene.fleet.log_lines("was taken over")
    cut = scene.fleet.log_lines("batch left to its lease")
    figures(zombies=zombies, jobs=len(scene.history.submitted), stale_fences=stale, cut_transactions=cut,
            overwrites=len(found.resurrected), **found.counts())  # fmt: skip
    assert found.all() == []
    assert stale > 0


def _a_round(scene: Scene, rng: random.Random, at_once: int) -> int:
    """Stop workers at work, wake them when all they held is another's, and return how many those were."""
    fleet = scene.fleet
    ids = fleet.worker_ids()
    slots = [slot for slot in rng.sample(fleet.of("worker"), WORKERS) if fleet.held_by(ids[slot.process.pid])]
    stopped: list[Slot] = slots[:at_once]
    for slot in stopped:
        stop(slot.process)
    held = {slot: fleet.held_by(ids[slot.process.pid]) for slot in stopped}
    try:
        for slot in stopped:
            eventually(
                lambda slot=slot: not (fleet.held_by(ids[slot.process.pid]).items() & held[slot].items()),
                "a stopped worker's items are taken from it",
            )
    finally:
        for slot in stopped:
            wake(slot.process)
    return sum(bool(items) for items in held.values())
