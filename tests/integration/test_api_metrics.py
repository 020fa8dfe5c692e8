"""GET /metrics: who may read it, and what it tells of requests, jobs and the queue."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from appliance.audio.decoder import DecoderPool
from appliance.status.collector import FiguresCollector
from tests.integration.api_house import House, open_house


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with DecoderPool() as decoder, open_house(tmp_path, decoder) as house:
        house.parts.metrics.count_commits_of(house.database.engine)
        house.parts.metrics.registry.register(FiguresCollector(house.database, house.settings))
        yield house


def samples(house: House, **headers: str) -> dict[tuple[str, ...], float]:
    response = house.client.get("/metrics", headers=headers)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


def test_metrics_are_for_who_looks_after_the_site(house: House) -> None:
    assert house.client.get("/metrics").status_code == 401
    refused = house.client.get("/metrics", headers=house.headers(None))
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    samples(house, authorization=f"Bearer {house.another_key('operators', 'viewer')}")


def test_a_site_can_open_its_metrics_and_nothing_else(tmp_path: Path) -> None:
    with DecoderPool() as decoder, open_house(tmp_path, decoder, metrics_open=True) as house:
        samples(house)
        answers = [house.client.get(path).status_code for path in ("/metrics/x", "/x/metrics", "/api/v1/languages")]
    assert set(answers) <= {401, 404}


def test_jobs_requests_and_the_queue_are_told(house: House) -> None:
    house.finished_job("hello")
    house.waiting_job("good morning")
    found = samples(house, authorization=f"Bearer {house.another_key('operators', 'viewer')}")
    assert found["meeshy_jobs_accepted_total", "0"] == 2
    assert found["meeshy_jobs_finished_total", "done"] == 1
    assert found["meeshy_queue_items", "hear", "0", "waiting"] == 1
    assert found["meeshy_queue_audio_seconds", "hear", "0"] > 0
    assert found["meeshy_workers", "hear", "taking"] == 1
    assert found["meeshy_database_up",] == 1
    assert found["meeshy_http_requests_total", "POST", "/api/v1/voice/translate", "2xx"] == 1


def test_refusals_are_counted_by_their_code(tmp_path: Path) -> None:
    with DecoderPool() as decoder, open_house(tmp_path, decoder, metrics_open=True, requests_per_minute=1) as house:
        for _ in range(3):
            house.client.get("/api/v1/usage", headers=house.headers())
        assert samples(house)["meeshy_refusals_total", "rate_limited"] >= 1
