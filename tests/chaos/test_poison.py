"""A recording that kills whoever listens to it fails alone; what was in its batch is started again and ends well."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from appliance.testing.perilous import DEADLY
from tests.chaos.checker import Asked
from tests.chaos.fleet import stop, wake
from tests.chaos.scene import Scene, messages

FAILED = frozenset({"failed"})
ENDS_WITHIN_S = 60.0
"""What the appliance promises of a poison, with the lease and the polls that it ships with."""
SHIPPED = {"lease_s": 10.0, "poll_s": 2.0}
QUICK = {"lease_s": 3.0, "poll_s": 0.5}


@pytest.mark.parametrize(
    ("workers_", "jobs", "full"),
    [
        (4, 12, False),
        (2, 12, False),
        pytest.param(4, 100, True, marks=pytest.mark.full),
        # Fewer than attempts: somebody has to be left for the others all the same.
        pytest.param(2, 100, True, marks=pytest.mark.full),
    ],
)
def test_a_deadly_recording_fails_alone(staged, redis, seed, figures, workers_, jobs, full):
    scene = staged(redis_url=redis.url, attempts=3, **(SHIPPED if full else QUICK))
    scene.fleet.staffed(apis=1, workers_=workers_, pace_s=0.02)
    undisturbed_s = _durations_s(scene, messages(seed, jobs, first=jobs))
    with _resting(scene):
        (sending,) = scene.send([("poison", Asked(f"{DEADLY} {seed}", ends=FAILED))])
        poison = sending.result()
        sent = scene.send(messages(seed, jobs))
        scene.all_sent()
        began_s = scene.ledger.now_s()
    found = scene.finish(within_s=300)
    error = scene.client.look(poison)["targets"][0]["error"]
    ended_s = scene.ledger.ended_s()
    disturbed_s = [ended_s[sending.result()] - began_s for sending in sent]
    delays_s = [late_s - early_s for late_s, early_s in zip(disturbed_s, undisturbed_s, strict=True)]
    starts = scene.ledger.starts()
    of_poison = [start for start in starts if start.job_id == poison]
    lost = [start for start in starts if start.job_id != poison and start.returned_s is not None]
    figures(
        workers=workers_, jobs=jobs, workers_killed=len(of_poison), died_with_it=len(lost),
        poison_ended_after_s=round(ended_s[poison] - began_s, 2),
        longest_delay_of_others_s=round(max(delays_s), 2),
        last_other_ended_after_s=round(max(disturbed_s), 2), without_poison_s=round(max(undisturbed_s), 2),
        **found.counts(),
    )  # fmt: skip
    assert found.all() == []
    assert error["code"] == "worker_lost"
    assert len(of_poison) == scene.fleet.settings.attempts
    # Whoever died with it did so once, in its first batch: its later deaths took nobody along.
    assert len({start.item_id for start in lost}) == len(lost)
    assert {start.worker_id for start in lost} <= {of_poison[0].worker_id}
    if full:
        assert ended_s[poison] - began_s <= ENDS_WITHIN_S
        assert max(delays_s) <= scene.fleet.settings.lease_s


def _durations_s(scene: Scene, requests: Sequence[tuple[str, Asked]]) -> list[float]:
    """Return how long each of these jobs takes from the moment at which the workers wake up, in the order given."""
    with _resting(scene):
        sent = scene.send(requests)
        scene.all_sent()
        began_s = scene.ledger.now_s()
    scene.fleet.all_ended(within_s=300)
    ended_s = scene.ledger.ended_s()
    return [ended_s[sending.result()] - began_s for sending in sent]


@contextmanager
def _resting(scene: Scene) -> Iterator[None]:
    """Let the queue fill, so that the deadly recording is the head of a full batch."""
    resting = [slot.process for slot in scene.fleet.of("worker")]
    for process in resting:
        stop(process)
    yield
    for process in resting:
        wake(process)
