"""Jobs cancelled at random moments: none completes afterwards, and nothing of them stays after its time."""

import os
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from appliance.storage.opening import open_store
from appliance.storage.tables import jobs
from tests.chaos.checker import Asked
from tests.chaos.ledger import p99
from tests.chaos.scene import Scene, messages

PACE_S = 0.1
LATEST_S = 2.0
P99_LIMIT_S = 2.0
CANCELLERS = 8
MOST_SENT_PER_CANCELLED = 5
"""Some jobs are done before their moment comes; they are sent again under other names, up to so many times."""
ENDS = frozenset({"cancelled", "done", "partial"})


@pytest.mark.parametrize("count", [30, pytest.param(500, marks=pytest.mark.full)], ids=["few", "all"])
def test_a_cancelled_job_never_completes_and_leaves_nothing(staged, redis, seed, figures, count):
    scene = staged(redis_url=redis.url)
    scene.fleet.staffed(apis=2, workers_=3, pace_s=PACE_S)
    outcomes = _until_cancelled(scene, seed, count)
    took_s = [seconds for status, seconds in outcomes if status == 200]
    p99_s = p99(took_s)
    # Jobs that were faster than their cancellation were deleted by it; that is the client's own doing.
    for key, ids in list(scene.history.acknowledged.items()):
        if ids & scene.deleted:
            scene.history.forget(key)
    found = scene.finish(within_s=300)
    left = _left_after_their_time(scene)
    figures(cancelled=len(took_s), too_late=len(outcomes) - len(took_s), p99_s=p99_s, objects_left=len(left),
            **found.counts())  # fmt: skip
    assert found.all() == []
    assert left == []
    assert len(took_s) >= count
    if count >= 500:
        assert p99_s <= P99_LIMIT_S


def _until_cancelled(scene: Scene, seed: int, count: int) -> list[tuple[int, float]]:
    """Cancel jobs side by side until so many were cancelled before they ended; return every cancellation's outcome."""
    rng = random.Random(seed)
    requests = [
        (key, Asked(asked.text, ("fr", "es"), ENDS), rng.uniform(0.0, LATEST_S))
        for key, asked in messages(seed, MOST_SENT_PER_CANCELLED * count)
    ]
    outcomes: list[tuple[int, float]] = []
    lock = threading.Lock()

    def wanted(requests: Iterator[tuple[str, Asked, float]]) -> tuple[str, Asked, float] | None:
        with lock:
            in_time = sum(status == 200 for status, _ in outcomes)
            return next(requests, None) if in_time < count else None

    def work(requests: Iterator[tuple[str, Asked, float]]) -> None:
        while request := wanted(requests):
            outcome = _cancelled(scene, *request)
            with lock:
                outcomes.append(outcome)

    waiting = iter(requests)
    with ThreadPoolExecutor(CANCELLERS) as pool:
        for future in [pool.submit(work, waiting) for _ in range(CANCELLERS)]:
            future.result()
    return outcomes


def _cancelled(scene: Scene, key: str, asked: Asked, after_s: float) -> tuple[int, float]:
    """Submit, cancel after a while, and return the status with the seconds that the cancellation took."""
    job_id = scene.client.submit(key, asked)
    time.sleep(after_s)
    began_s = time.monotonic()
    response = scene.client.end(job_id)
    took_s = time.monotonic() - began_s
    if response.status_code == 200:
        scene.history.observe(job_id, response.json()["state"])
    elif response.status_code == 204:
        scene.deleted.add(job_id)
    return response.status_code, took_s


def _left_after_their_time(scene: Scene) -> list[str]:
    """Return the objects that are left when housekeeping has let go of everything."""
    fleet = scene.fleet
    fleet.retire("worker")
    fleet.retire("housekeeping")
    store = open_store(fleet.settings)
    # What was stored while its job was cancelled has no row and goes an hour later, which is now.
    for entry in store.entries(""):
        os.utime(fleet.settings.data_dir / "objects" / entry.name, (0, 0))

    def once() -> int:
        housekeeping = fleet.start_housekeeping_once(source_ttl_s=0.01, result_ttl_s=0.01)
        assert housekeeping.wait(60) == 0
        return fleet.rows(sa.select(sa.func.count()).select_from(jobs))[0][0]

    while once():
        pass
    once()
    return sorted(entry.name for entry in store.entries(""))
