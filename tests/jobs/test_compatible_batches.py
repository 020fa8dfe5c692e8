"""What may run in one batch: clips of like length, sentences of one pair; and how much of it."""

import threading
from collections import Counter

import pytest

from appliance.jobs.claims import Claims
from appliance.telemetry.metrics import Metrics
from appliance.workers.lanes import Lanes
from appliance.workers.roles import BATCH_LIMITS, FAMILIES
from tests.jobs.site import Site

LENGTHS_S = (1.0, 4.999, 5.0, 15.0, 15.001, 60.0)
PAIRS = {"fr": "en>fr", "es": "en>es"}


def batches(bench, limits):
    """Claim everything that is ready, batch by batch."""
    claims, found = Claims(bench.database, "w1", 60.0), []
    while items := claims.claim(limits):
        found.append(items)
    return found


def test_clips_of_different_length_classes_never_share_a_batch(bench):
    site = Site(bench, cost=None)
    lengths_s = {site.note(2, audio_s=length_s).id: length_s for length_s in LENGTHS_S for _ in range(2)}
    together = [sorted({lengths_s[item.job_id] for item in batch}) for batch in batches(bench, BATCH_LIMITS)]
    assert sorted(together) == [[1.0, 4.999], [5.0, 15.0], [15.001, 60.0]]


def test_sentences_of_different_language_pairs_never_share_a_batch(bench):
    jobs = [bench.submit(f"message {number}", *PAIRS) for number in range(4)]
    bench.worker()._run(batches(bench, {"hear": 8})[0])
    languages = {target.id: target.language for job in jobs for target in job.targets}
    found = batches(bench, BATCH_LIMITS)
    assert Counter(tuple(sorted({languages[item.target_id] for item in batch})) for batch in found) == {
        ("fr",): 1,
        ("es",): 1,
    }
    assert sorted(len(batch) for batch in found) == [4, 4]
    assert {item.batch_key for batch in found for item in batch} == {f"translate:{pair}" for pair in PAIRS.values()}


def test_a_batch_is_never_larger_than_its_familys_limit(bench):
    for number in range(2 * BATCH_LIMITS["hear"] + 3):
        bench.submit(f"message {number}", "fr")
    assert [len(batch) for batch in batches(bench, BATCH_LIMITS)] == [8, 8, 3]


@pytest.mark.parametrize(("setting", "sizes"), [("", [3]), ("hear=2", [2, 1]), ("synthesize=1,hear=1", [1, 1, 1])])
def test_the_worker_of_the_embedded_appliance_keeps_to_the_sites_limits(bench, setting, sizes):
    bench.settings = bench.settings.model_copy(update={"batch_limits": setting})
    for number in range(3):
        bench.submit(f"message {number}", "fr")
    heard = threading.Event()

    def count(batch):
        # Later batches verify what was spoken.
        if sum(bench.transcriber.batches[: len(sizes)]) == 3:
            heard.set()

    bench.transcriber._on_batch = count
    with Lanes(bench.context, "w1", Metrics()) as lanes:
        lanes.ring(FAMILIES)
        assert heard.wait(60)
    assert bench.transcriber.batches[: len(sizes)] == sizes
