"""The API dies between every two steps of accepting a job; the client sends again: one job, never none, never two."""

import httpx
import pytest

from appliance.testing.failing_api import STARTED_AGAIN
from appliance.testing.fuse import FAIL_AT, STEPS
from tests.chaos.checker import Asked
from tests.chaos.scene import Scene
from tests.processes.conftest import eventually, scripted_wav

EVERY = 3


@pytest.mark.parametrize(
    ("every", "times"), [(EVERY, 1), pytest.param(1, 10, marks=pytest.mark.full)], ids=["few", "all"]
)
def test_an_api_that_dies_at_any_step_of_a_submit_leaves_one_job(staged, redis, seed, figures, every, times):
    scene = staged(redis_url=redis.url)
    scene.fleet.keep_worker()
    scene.fleet.keep_api("appliance.testing.failing_api", ())
    scene.fleet.ready()
    steps = _steps(scene, seed)
    deaths = 0
    for round_ in range(times):
        for step in range(1 + (round_ + seed) % every, steps + 1, every):
            deaths += _dies_at(scene, step, f"run {seed} round {round_} step {step}")
    found = scene.finish(within_s=300)
    figures(steps=steps, deaths=deaths, twins=len(found.duplicated), **found.counts())
    assert every > 1 or deaths == times * steps
    assert found.all() == []


def _steps(scene: Scene, seed: int) -> int:
    """Return how many steps a submit has, by one that dies at none."""
    response = _post(scene, "counted", Asked(f"run {seed} counted"), 0)
    scene.history.submit("counted", Asked(f"run {seed} counted"))
    scene.history.acknowledge("counted", response.json()["job_id"])
    return int(response.headers[STEPS]) + 1


def _dies_at(scene: Scene, step: int, text: str) -> bool:
    """Let the API die at a step of a submit, send again, and return whether it did die."""
    before = scene.fleet.log_lines(STARTED_AGAIN)
    key, asked = f"key-{text}", Asked(text)
    try:
        answered = _post(scene, key, asked, step)
        scene.history.acknowledge(key, answered.json()["job_id"])
    except httpx.TransportError:
        pass
    scene.client.submit(key, asked)
    return eventually(lambda: scene.fleet.log_lines(STARTED_AGAIN) > before, "the API died")


def _post(scene: Scene, key: str, asked: Asked, step: int) -> httpx.Response:
    return httpx.post(
        f"{scene.fleet.urls[0]}/api/v1/voice/translate/async",
        headers={**scene.fleet.headers, "Idempotency-Key": key, FAIL_AT: str(step)},
        data={"user_id": "alice", "target_langs": ",".join(asked.languages), "consent": "true"},
        files={"audio": ("note.wav", scripted_wav(asked.text))},
        timeout=30,
    )
