"""Workers, their pool, APIs and housekeeping killed at random while jobs run: each job ends once, with its own audio.

In full with the attempts, lease and poll that the appliance ships with. A worker is spared while it has an item in its
last attempt: an innocent one that dies three times by chance is the cap at work, which has a suite of its own. How
often that made a kill wait is printed. Recordings and audio lie on an S3 server, as they do where APIs and workers are
on several hosts.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pytest

from tests.chaos.checker import Asked
from tests.chaos.fleet import Death, Fleet, pause
from tests.chaos.ledger import p99, recoveries
from tests.chaos.scene import Scene, messages

SECOND_START_LIMIT_S = 15.0
PROCESSES = 8
"""Two APIs, two workers, housekeeping, and a pool with two workers of its own."""


@dataclass(frozen=True)
class Storm:
    """How many jobs and kills; how long after a share of the jobs a kill comes, and the pause after it.

    The pause is so many times what one more process takes to start here: a machine whose processors do nothing but
    start what was killed shows only that.
    """

    jobs: int
    kills: int
    until_kill_s: tuple[float, float]
    rest_starts: tuple[float, float]
    pace_s: float
    full: bool = False
    sla_s: float = 30.0


ORDINARY = Storm(jobs=60, kills=8, until_kill_s=(0.1, 0.6), rest_starts=(0.0, 0.0), pace_s=0.04)
FULL = Storm(jobs=1000, kills=100, until_kill_s=(0.1, 1.5), rest_starts=(1.5, 3.5), pace_s=0.1, full=True)
"""Less than half of the processors' time goes into starts: who is killed has started, and has work in hand to lose."""

CROWDED = Storm(
    jobs=1000, kills=50, until_kill_s=(0.1, 1.5), rest_starts=(1.5, 3.5), pace_s=0.5, full=True, sla_s=2.0
)  # fmt: skip
"""More than the workers can do, and late from the third second on: what was lost is late and new work is not."""

LONG = (pytest.mark.full, pytest.mark.timeout(3600))


@pytest.mark.parametrize(
    "storm",
    [ORDINARY, *(pytest.param(storm, marks=LONG) for storm in (FULL, CROWDED))],
    ids=["few", "all", "crowded"],
)
def test_random_kills_lose_nothing_and_double_nothing(staged, redis, s3_server, seed, figures, storm):
    objects = s3_server.settings(f"kills-{storm.jobs}-{storm.kills}")
    scene = staged(redis_url=redis.url, as_shipped=storm.full, sla_s=storm.sla_s, **objects)
    began_s = time.monotonic()
    scene.fleet.staffed(apis=2, workers_=2, pooled=2, pace_s=storm.pace_s)
    start_s = (time.monotonic() - began_s) / PROCESSES
    deaths, longest_queue = _storm(scene, storm, start_s, random.Random(seed))
    found = scene.finish(within_s=300)
    dead = {death.worker_id: death.at_s for death in deaths if death.worker_id}
    lost = recoveries(scene.ledger, dead)
    worst_s = p99(each.started_after_s for each in lost)
    figures(
        jobs=storm.jobs, start_s=round(start_s, 2), kills=dict(Counter(death.kind for death in deaths)),
        longest_queue=longest_queue, items_lost=len(lost), spared=scene.fleet.spared,
        returned_p99_s=p99(each.returned_after_s for each in lost),
        second_start_p99_s=worst_s, **found.counts(),
    )  # fmt: skip
    assert found.all() == []
    if storm.full:
        # Otherwise nothing was found out about losing.
        assert len(lost) >= storm.kills / 10
        assert worst_s <= SECOND_START_LIMIT_S


def _storm(scene: Scene, storm: Storm, start_s: float, rng: random.Random) -> tuple[list[Death], int]:
    """Submit and kill in step; return the deaths, and how many jobs were open at most when somebody died."""
    requests = list(messages(rng.randrange(10**6), storm.jobs))
    deaths: list[Death] = []
    longest_queue = 0
    for number, kill in enumerate(_kills(scene.fleet, storm.kills, rng)):
        scene.send(_share(requests, number, storm.kills))
        pause(rng, *storm.until_kill_s)
        longest_queue = max(longest_queue, scene.fleet.open_jobs())
        deaths.append(kill())
        accepted = scene.history.job_ids()
        for job_id in rng.sample(accepted, min(2, len(accepted))):
            scene.client.look(job_id)
        pause(rng, *(starts * start_s for starts in storm.rest_starts))
    return deaths, longest_queue


def _kills(fleet: Fleet, kills: int, rng: random.Random) -> Iterable[Callable[[], Death]]:
    """Return kills in random order, each process about as often as every other."""
    (pool,) = fleet.of("pool")
    ways = [lambda slot=slot: fleet.kill_slot(slot) for slot in fleet.slots]
    ways += 2 * [lambda: fleet.kill_worker_of(pool, rng)]
    chosen: list[Callable[[], Death]] = []
    while len(chosen) < kills:
        chosen += rng.sample(ways, len(ways))
    return chosen[:kills]


def _share(requests: list[tuple[str, Asked]], number: int, shares: int) -> list[tuple[str, Asked]]:
    return requests[len(requests) * number // shares : len(requests) * (number + 1) // shares]
