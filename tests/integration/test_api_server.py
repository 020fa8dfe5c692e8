"""The API on a real port: streams, hints while a job runs, and a graceful end."""

import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from appliance.api.app import create_app
from appliance.api.server import ApiServer
from appliance.audio.decoder import DecoderPool
from tests.integration.api_house import TRANSLATE, House, open_house, recording

LONG_S = 60


@contextmanager
def _serving(house: House) -> Iterator[httpx.Client]:
    server = ApiServer(create_app(house.parts), "127.0.0.1", 0)
    ready = threading.Event()
    ports: list[int] = []

    def announce(port: int) -> None:
        ports.append(port)
        ready.set()

    thread = threading.Thread(target=server.run, args=(announce,))
    thread.start()
    try:
        assert ready.wait(LONG_S)
        assert ports == [server.port]
        base = f"http://127.0.0.1:{server.port}"
        with httpx.Client(base_url=base, trust_env=False, timeout=LONG_S) as client:
            yield client
    finally:
        server.stop()
        thread.join(LONG_S)
        assert not thread.is_alive()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with DecoderPool() as decoder, open_house(tmp_path, decoder) as house:
        yield house


def test_a_job_is_followed_from_waiting_to_its_end(house: House) -> None:
    job_id = house.waiting_job("hello", "fr", "es")
    path = f"/api/v1/voice/job/{job_id}/events"

    with _serving(house) as client, client.stream("GET", path, headers=house.headers()) as stream:
        lines = stream.iter_lines()
        assert next(lines) == "event: progress"
        assert json.loads(next(lines).removeprefix("data: "))["state"] == "running"
        house.work()
        rest = list(lines)

    assert rest.count("event: end") == 1
    answer = json.loads(rest[rest.index("event: end") + 1].removeprefix("data: "))
    assert [target["state"] for target in answer["targets"]] == ["done", "done"]


def test_a_request_that_waits_does_not_hold_up_others(house: House) -> None:
    house.working = False
    answers: list[httpx.Response] = []

    def wait(client: httpx.Client) -> None:
        files, data = {"audio": recording("slow")}, {"target_lang": "fr"}
        answers.append(client.post(TRANSLATE, headers=house.headers(), files=files, data=data))

    with _serving(house) as client:
        waiting = threading.Thread(target=wait, args=(client,))
        waiting.start()
        while house.rings == 0:
            assert client.get("/health/live").status_code == 200
        assert answers == []
        house.work()
        waiting.join(LONG_S)

    assert answers[0].status_code == 200
    assert answers[0].json()["state"] == "done"


def test_identical_requests_at_once_are_computed_once(house: House) -> None:
    house.working = False
    answers: list[dict] = []

    def ask(client: httpx.Client) -> None:
        files, data = {"audio": recording("the same for all")}, {"target_lang": "fr"}
        answers.append(client.post(TRANSLATE, headers=house.headers(), files=files, data=data).json())

    with _serving(house) as client:
        threads = [threading.Thread(target=ask, args=(client,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        while house.rings < len(threads):
            assert client.get("/health/live").status_code == 200
        house.work()
        for thread in threads:
            thread.join(LONG_S)

    assert [answer["state"] for answer in answers] == ["done"] * len(threads)
    assert sum(house.engines.transcriber.batches) == 2, "one for the recording, one to verify what was spoken"


def test_a_taken_port_fails_at_once(house: House) -> None:
    first = ApiServer(house.app, "127.0.0.1", 0)
    try:
        with pytest.raises(OSError, match="in use"):
            ApiServer(house.app, "127.0.0.1", first.port)
    finally:
        first._socket.close()


def test_signals_are_left_as_they_were(house: House) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with _serving(house) as client:
        assert client.get("/health/live").status_code == 200

    assert signal.getsignal(signal.SIGTERM) is before
