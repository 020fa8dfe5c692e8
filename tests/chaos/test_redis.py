"""Redis emptied, replaced by an empty one, or frozen while jobs run: rings are lost, jobs are not."""

import random
import time
from collections.abc import Iterator

import pytest

from appliance.testing.redis_server import RedisServer, redis_program, redis_server
from tests.chaos.fleet import pause
from tests.chaos.scene import Scene, messages
from tests.services import needed

JOBS_EACH = 6
BLOWS = ("emptied", "replaced", "frozen")


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    """A Redis that nobody else uses."""
    needed(redis_program(), "Redis", "Debian: redis-server")
    with redis_server(redis_program()) as server:
        yield server


@pytest.mark.parametrize(
    ("times", "freeze_s", "full"),
    [(1, 2.0, False), pytest.param(10, 30.0, True, marks=pytest.mark.full)],
    ids=["few", "all"],
)
def test_what_befalls_redis_loses_no_job(staged, own_redis, seed, figures, times, freeze_s, full):
    rng = random.Random(seed)
    scene = staged(redis_url=own_redis.url, as_shipped=full)
    scene.fleet.staffed(apis=2, workers_=2, pace_s=0.05)
    blows = [*BLOWS] * times
    rng.shuffle(blows)
    requests = list(messages(seed, len(blows) * JOBS_EACH * 2))
    for blow in blows:
        scene.send(_next(requests))
        pause(rng, 0.05, 0.3)
        _befall(scene, own_redis, blow, freeze_s, requests)
    found = scene.finish(within_s=300)
    figures(**{blow: blows.count(blow) for blow in BLOWS}, freeze_s=freeze_s,
            jobs=len(scene.history.submitted), **found.counts())  # fmt: skip
    assert found.all() == []


def _befall(scene: Scene, server: RedisServer, blow: str, freeze_s: float, requests: list) -> None:
    """Strike, with a share of the jobs submitted while it lasts."""
    if blow == "emptied":
        server.client().flushall()
        scene.send(_next(requests))
    elif blow == "replaced":
        server.kill()
        scene.send(_next(requests))
        scene.all_sent()
        server.start()
    else:
        with server.frozen():
            for request in _next(requests):
                scene.send([request])
                time.sleep(freeze_s / JOBS_EACH)


def _next(requests: list) -> list:
    taken, requests[:JOBS_EACH] = requests[:JOBS_EACH], []
    return taken
