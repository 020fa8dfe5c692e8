"""The API on a real port: streams, hints while a job runs, and a graceful end."""

import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import msgspec
import pytest

from appliance.access.keys import revoke_key
from appliance.admin.schema import Snapshot
from appliance.api.server import ApiServer
from appliance.audio.decoder import DecoderPool
from tests.integration.api_house import TRANSLATE, House, open_house, recording
from tests.integration.api_serving import LONG_S, serving


@contextmanager
def _serving(house: House) -> Iterator[httpx.Client]:
    with serving(house) as port:
        base = f"http://127.0.0.1:{port}"
        with httpx.Client(base_url=base, trust_env=False, timeout=LONG_S) as client:
            yield client


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


def _events(lines: Iterator[str], count: int) -> list[dict[str, str]]:
    """Return so many events of a stream, comments left out."""
    found: list[dict[str, str]] = [{}]
    for line in lines:
        if line.startswith(":"):
            continue
        if line:
            name, _, value = line.partition(": ")
            found[-1][name] = value
        elif found[-1]:
            if len(found) == count:
                return found
            found.append({})
    raise AssertionError("the stream ended")


def test_a_console_follows_whole_snapshots_that_others_get_too(house: House) -> None:
    headers = house.headers(None, key=house.another_key("console", "viewer"))
    path = "/api/v1/admin/events"
    with _serving(house) as client, client.stream("GET", path, headers=headers) as one:
        assert one.headers["content-type"].startswith("text/event-stream")
        lines = one.iter_lines()
        (first,) = _events(lines, 1)
        house.waiting_job("hello")
        (second,) = _events(lines, 1)
        with client.stream("GET", path, headers=headers) as other:
            (same,) = _events(other.iter_lines(), 1)

    assert first["event"] == "snapshot" and first["retry"] == "2000"
    before, after = (msgspec.json.decode(each["data"], type=Snapshot) for each in (first, second))
    assert (before.jobs.open, after.lanes[0].depth) == (0, 1)
    assert int(first["id"]) == before.sequence < after.sequence == int(second["id"])
    assert same["data"] == second["data"]


def test_a_stream_ends_with_its_key_and_comments_tell_that_it_lives(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.api.admin_stream.COMMENT_S", 0.0)
    key = house.another_key("console", "viewer")
    with (
        _serving(house) as client,
        client.stream("GET", "/api/v1/admin/events", headers=house.headers(None, key=key)) as one,
    ):
        lines = one.iter_lines()
        assert ": still here" in [next(lines) for _ in range(6)]
        revoke_key(house.database, key.split("_")[1])
        rest = list(lines)

    assert len([line for line in rest if line.startswith("event:")]) <= 2
    assert house.parts.followers.streams == 0
