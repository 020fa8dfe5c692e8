"""A recording that kills whoever listens to it fails alone; what was in its batch is started again and ends well."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from appliance.testing.perilous import DEADLY
from tests.chaos.checker import Asked
from tests.chaos.fleet import stop, wake
from tests.chaos.scene import Scene, messages

FAILED = frozenset({"failed"})
WORKERS = 4
"""One more than the attempts of an item, so that somebody is left for the others at any moment."""


@pytest.mark.parametrize(
    ("jobs", "full"), [(12, False), pytest.param(100, True, marks=pytest.mark.full)], ids=["few", "all"]
)
def test_a_deadly_recording_fails_alone(staged, redis, seed, figures, jobs, full):
    # In full with the lease that the appliance ships with: the wait is held against it.
    scene = staged(redis_url=redis.url, attempts=3, lease_s=10.0 if full else 3.0)
    scene.fleet.staffed(apis=1, workers_=WORKERS, pace_s=0.02)
    with _resting(scene):
        (sending,) = scene.send([("poison", Asked(f"{DEADLY} {seed}", ends=FAILED))])
        poison = sending.result()
        scene.send(messages(seed, jobs))
        scene.all_sent()
    began_s = scene.ledger.now_s()
    found = scene.finish(within_s=120)
    error = scene.client.look(poison)["targets"][0]["error"]
    starts = scene.ledger.starts()
    of_poison = [start for start in starts if start.job_id == poison]
    others = [start for start in starts if start.job_id != poison]
    ended_s = scene.ledger.ended_s()
    lost = [start for start in others if start.returned_s is not None]
    waits_s = [start.again_s - start.at_s for start in lost]
    figures(
        jobs=jobs, workers_killed=len(of_poison), died_with_it=len(lost),
        longest_wait_of_those_s=round(max(waits_s, default=0.0), 2),
        poison_ended_after_s=round(ended_s.pop(poison) - began_s, 2),
        last_other_ended_after_s=round(max(ended_s.values()) - began_s, 2), **found.counts(),
    )  # fmt: skip
    assert found.all() == []
    assert error["code"] == "worker_lost"
    assert len(of_poison) == scene.fleet.settings.attempts
    # Whoever died with it did so once, in its first batch: its later deaths took nobody along.
    assert len({start.item_id for start in lost}) == len(lost)
    assert {start.worker_id for start in lost} <= {of_poison[0].worker_id}
    if full:
        assert max(waits_s, default=0.0) <= scene.fleet.settings.lease_s


@contextmanager
def _resting(scene: Scene) -> Iterator[None]:
    """Let the queue fill, so that the deadly recording is the head of a full batch."""
    resting = [slot.process for slot in scene.fleet.of("worker")]
    for process in resting:
        stop(process)
    yield
    for process in resting:
        wake(process)
