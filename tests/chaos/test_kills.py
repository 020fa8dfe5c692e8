"""Workers, APIs and housekeeping killed at random while jobs run: each job ends once, with the audio it must have."""

import random
from dataclasses import dataclass

import pytest

from tests.chaos.checker import Asked
from tests.chaos.fleet import Fleet, Slot, pause
from tests.chaos.ledger import p99, recoveries
from tests.chaos.scene import Scene, messages
from tests.processes.conftest import eventually

PACE_S = 0.04
SECOND_START_LIMIT_S = 15.0
BACKLOG = 30
"""Jobs that are open at most when more are sent."""


@dataclass(frozen=True)
class Storm:
    """How many jobs and kills, and how far apart the kills are."""

    jobs: int
    kills: int
    gap_s: tuple[float, float]
    lease_s: float
    poll_s: float
    full: bool = False


ORDINARY = Storm(jobs=60, kills=8, gap_s=(0.1, 0.6), lease_s=3.0, poll_s=0.5)
FULL = Storm(jobs=1000, kills=100, gap_s=(0.2, 1.4), lease_s=10.0, poll_s=2.0, full=True)
"""With the leases and polls that the appliance ships with, so that the time to the second start means something."""


@pytest.mark.timeout(900)
@pytest.mark.parametrize("storm", [ORDINARY, pytest.param(FULL, marks=pytest.mark.full)], ids=["few", "all"])
def test_random_kills_lose_nothing_and_double_nothing(staged, redis, seed, figures, storm):
    # An innocent item that happens to die three times is the cap at work; the cap has a suite of its own.
    scene = staged(redis_url=redis.url, lease_s=storm.lease_s, poll_s=storm.poll_s, attempts=6)
    scene.fleet.staffed(apis=2, workers_=3, pace_s=PACE_S)
    dead = _storm(scene, storm, random.Random(seed))
    found = scene.finish(within_s=180)
    lost = recoveries(scene.ledger, dead)
    worst_s = p99(each.started_after_s for each in lost)
    figures(
        jobs=storm.jobs, kills=storm.kills, workers_killed=len(dead), items_lost_with_them=len(lost),
        returned_p99_s=p99(each.returned_after_s for each in lost), second_start_p99_s=worst_s, **found.counts(),
    )  # fmt: skip
    assert found.all() == []
    if storm.full:
        assert worst_s <= SECOND_START_LIMIT_S


def _storm(scene: Scene, storm: Storm, rng: random.Random) -> dict[str, float]:
    """Submit and kill in step; return when each killed worker died."""
    requests = list(messages(rng.randrange(10**6), storm.jobs))
    victims = _victims(scene.fleet, storm.kills, rng)
    dead: dict[str, float] = {}
    for number, victim in enumerate(victims):
        # On a slow machine the queue would grow, and the second start would wait for the queue, not for the kill.
        eventually(lambda: scene.fleet.open_jobs() < BACKLOG, "the queue is short")
        scene.send(_share(requests, number, storm.kills))
        pause(rng, *storm.gap_s)
        at_s = scene.ledger.now_s()
        if worker_id := scene.fleet.kill_slot(victim):
            dead[worker_id] = at_s
        accepted = scene.history.job_ids()
        for job_id in rng.sample(accepted, min(2, len(accepted))):
            scene.client.look(job_id)
    return dead


def _victims(fleet: Fleet, kills: int, rng: random.Random) -> list[Slot]:
    """Return processes in random order, each about as often as every other."""
    victims: list[Slot] = []
    while len(victims) < kills:
        victims += rng.sample(fleet.slots, len(fleet.slots))
    return victims[:kills]


def _share(requests: list[tuple[str, Asked]], number: int, shares: int) -> list[tuple[str, Asked]]:
    return requests[len(requests) * number // shares : len(requests) * (number + 1) // shares]
