"""The last of a limit, wanted at two API processes at once: exactly what is left is given, and no more."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx
import pytest
import sqlalchemy as sa

from appliance.access.plans import change_plan
from appliance.storage.tables import jobs, usage
from tests.cluster.conftest import Cluster
from tests.processes.conftest import eventually

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


@pytest.fixture
def two_apis(cluster: Cluster) -> Cluster:
    cluster.start_module("appliance.testing.perilous_worker", "all", NEVER_S)
    for _ in range(2):
        cluster.start_api()
        cluster.ready()
    return cluster


@pytest.mark.parametrize("limit", COUNTED)
def test_of_those_that_ask_two_apis_for_the_last_as_many_get_it_as_are_left(two_apis, limit):
    two_apis.submit("message 00", "fr")
    held = _held(two_apis)
    change_plan(two_apis.database, "enterprise", {limit: str(COUNTED[limit](held))})

    accepted, refused = _raced(two_apis)

    assert len(accepted) == LEFT
    assert {(answer.json()["code"], answer.json()["quota"]) for answer in refused} == {("quota_exceeded", limit)}
    assert two_apis.rows(sa.select(sa.func.count()).select_from(jobs)) == [(1 + LEFT,)]


@pytest.mark.parametrize("limit", ["requests_per_minute", "user_requests_per_minute"])
def test_a_minute_has_as_many_requests_as_the_plan_says_at_two_apis_together(two_apis, limit):
    change_plan(two_apis.database, "enterprise", {limit: str(LEFT)})

    eventually(lambda: time.time() % MINUTE_S < MINUTE_S / 3, "a minute begins, by the clock that windows are told by")
    minute = time.time() // MINUTE_S
    accepted, refused = _raced(two_apis)

    assert time.time() // MINUTE_S == minute
    assert len(accepted) == LEFT
    assert {answer.json()["code"] for answer in refused} == {"rate_limited"}


def _held(cluster: Cluster) -> Held:
    """Return what the first job takes, once it is counted."""
    (counted,) = eventually(lambda: cluster.rows(sa.select(usage.c.audio_s)), "its recording is counted")
    (stored,) = cluster.rows(sa.select(jobs.c.stored_bytes))
    return Held(counted.audio_s, stored.stored_bytes)


def _raced(cluster: Cluster) -> tuple[list[httpx.Response], list[httpx.Response]]:
    """Return who was accepted and who refused of those that came to both APIs at once; each refusal says when again."""

    def send(number: int) -> httpx.Response:
        return cluster.upload(f"message {number + 10}", "fr", api=number % 2, wait_s=60)

    with ThreadPoolExecutor(ASKED) as callers:
        answers = list(callers.map(send, range(ASKED)))
    accepted = [answer for answer in answers if answer.status_code == 202]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(accepted) + len(refused) == ASKED
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
    return accepted, refused
