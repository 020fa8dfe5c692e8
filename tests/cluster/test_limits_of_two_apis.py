"""The last of a limit, wanted at two API processes at once: exactly what is left is given, and no more."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import pytest
import sqlalchemy as sa

from appliance.access.keys import create_key
from appliance.access.plans import change_plan
from appliance.storage.tables import jobs, usage
from tests.cluster.conftest import Cluster, cluster_of, emptied
from tests.processes.conftest import eventually

PLAN = "enterprise"
NEVER_S = "600"
"""How long a batch takes: no job of these ends while the test looks."""
LEFT, ASKED = 3, 16
MINUTE_S = 60


@dataclass(frozen=True)
class Held:
    """What the one job that came before the limit takes of it."""

    audio_s: float
    stored_bytes: int


COUNTED = {
    "translations_per_month": lambda held: 1 + LEFT,
    "user_translations_per_month": lambda held: 1 + LEFT,
    "concurrent_jobs": lambda held: 1 + LEFT,
    "audio_s_per_day": lambda held: held.audio_s * (1.5 + LEFT),
    "stored_bytes": lambda held: int(held.stored_bytes * (1.5 + LEFT)),
}


@pytest.fixture(scope="module")
def appliance(tmp_path_factory, postgres_url, redis_of_session) -> Iterator[Cluster]:
    """Two APIs, and a worker that ends nothing."""
    with cluster_of(tmp_path_factory.mktemp("two-apis"), postgres_url, redis_of_session.url, lease_s=10.0) as made:
        made.start_module("appliance.testing.perilous_worker", "all", NEVER_S)
        for _ in range(2):
            made.start_api()
            made.ready()
        yield made
    emptied(postgres_url)


@pytest.fixture
def two_apis(appliance: Cluster, request) -> Cluster:
    """The appliance, called by an application that has used nothing yet."""
    appliance.key = create_key(appliance.database, request.node.callspec.params["limit"], "app", PLAN).key
    return appliance


@contextmanager
def limited(cluster: Cluster, limit: str, value: float) -> Iterator[None]:
    """Have the plan this limit meanwhile."""
    change_plan(cluster.database, PLAN, {limit: str(value)})
    yield
    change_plan(cluster.database, PLAN, {limit: "none"})


@pytest.mark.parametrize("limit", COUNTED)
def test_of_those_that_ask_two_apis_for_the_last_as_many_get_it_as_are_left(two_apis, limit):
    held = _held(two_apis, two_apis.submit(f"{limit} 00", "fr"))

    with limited(two_apis, limit, COUNTED[limit](held)):
        accepted, refused = _raced(two_apis, limit)

    assert len(accepted) == LEFT
    assert {(answer.json()["code"], answer.json()["quota"]) for answer in refused} == {("quota_exceeded", limit)}


@pytest.mark.parametrize("limit", ["requests_per_minute", "user_requests_per_minute"])
def test_a_minute_has_as_many_requests_as_the_plan_says_at_two_apis_together(two_apis, limit):
    eventually(lambda: time.time() % MINUTE_S < MINUTE_S / 3, "a minute begins, by the clock that windows are told by")
    minute = time.time() // MINUTE_S
    with limited(two_apis, limit, LEFT):
        accepted, refused = _raced(two_apis, limit)

    assert time.time() // MINUTE_S == minute
    assert len(accepted) == LEFT
    assert {answer.json()["code"] for answer in refused} == {"rate_limited"}


def _held(cluster: Cluster, job_id: str) -> Held:
    """Return what a job takes, once it is counted."""
    (job,) = cluster.rows(sa.select(jobs.c.application_id, jobs.c.stored_bytes).where(jobs.c.id == job_id))
    of_application = sa.select(usage.c.audio_s).where(usage.c.application_id == job.application_id)
    (counted,) = eventually(lambda: cluster.rows(of_application), "its recording is counted")
    return Held(counted.audio_s, job.stored_bytes)


def _raced(cluster: Cluster, name: str) -> tuple[list[httpx.Response], list[httpx.Response]]:
    """Return who was accepted and who refused of those that came to both APIs at once; each refusal says when again."""

    def send(number: int) -> httpx.Response:
        return cluster.upload(f"{name} {number + 10}", "fr", api=number % 2, wait_s=60)

    with ThreadPoolExecutor(ASKED) as callers:
        answers = list(callers.map(send, range(ASKED)))
    accepted = [answer for answer in answers if answer.status_code == 202]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(accepted) + len(refused) == ASKED
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
    return accepted, refused
