import json
from collections.abc import AsyncIterator, Iterator

import anyio
import pytest
import sqlalchemy as sa

from appliance.api.jobs import _events
from appliance.audio.decoder import DecoderPool
from appliance.jobs.endings import Ending, end_targets
from appliance.jobs.states import TargetState
from appliance.owner import Owner
from appliance.storage.tables import audit, targets
from appliance.telemetry.logs import JsonLines
from appliance.testing.clock import FrozenClock
from tests.integration.api_house import House, open_house


@pytest.fixture
def house(tmp_path, decoder: DecoderPool) -> Iterator[House]:
    with open_house(tmp_path, decoder) as house:
        yield house


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, decoder: DecoderPool) -> Iterator[House]:
    """One appliance for the tests that only read what is finished."""
    with open_house(tmp_path_factory.mktemp("shared"), decoder) as house:
        yield house


def _job(house: House, job_id: str) -> dict:
    return house.client.get(f"/api/v1/voice/job/{job_id}", headers=house.headers()).json()


def test_a_running_job_shows_no_result_yet(house: House) -> None:
    job = _job(house, house.waiting_job())

    assert job["state"] == "running"
    assert job["audio_url"] is None
    assert job["targets"][0]["receipt"] is None


def test_deleting_a_running_job_cancels_it(house: House) -> None:
    job_id = house.waiting_job()

    response = house.client.delete(f"/api/v1/voice/job/{job_id}", headers=house.headers())

    assert (response.status_code, response.json()["state"]) == (200, "cancelled")
    assert _job(house, job_id)["state"] == "cancelled"


def test_deleting_a_finished_job_removes_it_with_its_audio_and_its_cached_answer(house: House) -> None:
    job = house.finished_job("hello")
    path = f"/api/v1/voice/job/{job['job_id']}"

    response = house.client.delete(path, headers=house.headers())

    assert (response.status_code, response.content) == (204, b"")
    assert house.client.get(path, headers=house.headers()).status_code == 404
    assert house.client.get(job["audio_url"], headers=house.headers()).status_code == 404
    assert list(house.objects.entries("")) == []
    assert house.finished_job("hello")["cached"] is False
    with house.database.read() as connection:
        assert connection.scalar(sa.select(audit.c.subject).where(audit.c.action == "job_deleted")) == job["job_id"]


def test_a_job_with_one_language_done_is_partial_and_says_why_the_other_is_missing(house: House) -> None:
    job_id = house.waiting_job("hello", "fr", "es")
    with house.database.write() as connection:
        target = connection.scalar(sa.select(targets.c.id).where(targets.c.language == "es"))
        end_targets(connection, [Ending(target, TargetState.CANCELLED)], house.database.now_s(connection))
    house.work()

    job = _job(house, job_id)
    assert job["state"] == "partial"
    assert [target["state"] for target in job["targets"]] == ["done", "cancelled"]


class TestAudio:
    @pytest.fixture
    def house(self, shared: House) -> House:
        shared.working = True
        return shared

    @pytest.fixture
    def job(self, house: House) -> dict:
        return house.finished_job("hello")

    def test_a_range_gives_that_part(self, house: House, job: dict) -> None:
        whole = house.client.get(job["audio_url"], headers=house.headers())
        part = house.client.get(job["audio_url"], headers=house.headers(range="bytes=10-19"))

        assert part.status_code == 206
        assert part.content == whole.content[10:20]
        assert part.headers["content-range"] == f"bytes 10-19/{len(whole.content)}"
        assert part.headers["content-length"] == "10"
        assert whole.headers["accept-ranges"] == "bytes"

    def test_a_range_behind_the_end_is_416_with_the_size(self, house: House, job: dict) -> None:
        response = house.client.get(job["audio_url"], headers=house.headers(range="bytes=99999999-"))

        assert (response.status_code, response.json()["code"]) == (416, "range_not_satisfiable")
        assert response.headers["content-range"] == f"bytes */{response.json()['size_bytes']}"

    def test_a_known_etag_is_answered_without_the_audio(self, house: House, job: dict) -> None:
        etag = house.client.get(job["audio_url"], headers=house.headers()).headers["etag"]

        response = house.client.get(job["audio_url"], headers=house.headers(**{"if-none-match": etag}))

        assert (response.status_code, response.content) == (304, b"")
        assert response.headers["etag"] == etag

    def test_a_range_of_another_version_gives_the_whole(self, house: House, job: dict) -> None:
        headers = house.headers(range="bytes=0-1", **{"if-range": '"another"'})

        assert house.client.get(job["audio_url"], headers=headers).status_code == 200

    def test_head_gives_the_headers_alone(self, house: House, job: dict) -> None:
        whole = house.client.get(job["audio_url"], headers=house.headers())
        head = house.client.head(job["audio_url"], headers=house.headers())

        assert (head.status_code, head.content) == (200, b"")
        for name in ("content-length", "content-type", "etag", "cache-control", "accept-ranges"):
            assert head.headers[name] == whole.headers[name]

    def test_the_format_asked_for_is_the_format_served(self, house: House) -> None:
        answer = house.finished_job("something longer to say", format="mp3")

        response = house.client.get(answer["audio_url"], headers=house.headers())

        assert response.headers["content-type"] == "audio/mpeg"

    def test_a_language_that_is_still_in_work_says_so(self, house: House) -> None:
        job_id = house.waiting_job("still in work")

        response = house.client.get(f"/api/v1/voice/job/{job_id}/audio/fr", headers=house.headers())

        assert (response.status_code, response.json()["code"]) == (404, "not_found")
        assert response.json()["state"] in response.json()["detail"]

    def test_a_language_the_job_does_not_have_is_not_found(self, house: House, job: dict) -> None:
        path = f"/api/v1/voice/job/{job['job_id']}/audio"

        assert house.client.get(f"{path}/es", headers=house.headers()).status_code == 404
        assert house.client.get(f"{path}/klingon", headers=house.headers()).json()["code"] == "unknown_language"


class TestSubtitles:
    @pytest.fixture
    def house(self, shared: House) -> House:
        shared.working = True
        return shared

    @pytest.fixture
    def path(self, house: House) -> str:
        return f"/api/v1/voice/job/{house.finished_job('hello')['job_id']}/subtitles"

    def test_the_recordings_language_gives_what_was_heard(self, house: House, path: str) -> None:
        response = house.client.get(f"{path}/en.srt", headers=house.headers())

        assert response.headers["content-type"] == "application/x-subrip; charset=utf-8"
        assert response.text.startswith("1\n00:00:00,000 --> ")
        assert response.text.endswith("\nhello\n")

    def test_a_target_gives_what_is_said_in_its_audio(self, house: House, path: str) -> None:
        response = house.client.get(f"{path}/fr.vtt", headers=house.headers())

        assert response.headers["content-type"] == "text/vtt; charset=utf-8"
        assert response.text.startswith("WEBVTT\n\n")
        assert "fr:hello" in response.text

    @pytest.mark.parametrize("file", ["fr.txt", "fr", "es.srt", "fr.srt.exe"])
    def test_anything_else_is_not_found(self, house: House, path: str, file: str) -> None:
        assert house.client.get(f"{path}/{file}", headers=house.headers()).status_code == 404


class TestEvents:
    def test_a_finished_job_gives_its_state_and_the_answer_and_ends(self, house: House) -> None:
        job = house.finished_job("hello")

        response = house.client.get(f"/api/v1/voice/job/{job['job_id']}/events", headers=house.headers())

        assert response.headers["content-type"].startswith("text/event-stream")
        events = [block.split("\r\n") for block in response.text.strip().split("\r\n\r\n")]
        assert [event[0] for event in events] == ["event: progress", "event: end"]
        assert json.loads(events[-1][1].removeprefix("data: "))["job_id"] == job["job_id"]

    def test_a_quiet_stream_is_kept_alive_with_comments(self, house: House) -> None:
        """The clock jumps at each look, so that every pause is long enough for a comment."""
        job_id = house.waiting_job()
        owner = Owner(house.key.application_id, "alice")
        job = house.parts.reader.get(owner, job_id)
        parts = type(house.parts)(**{**vars(house.parts), "clock": _Leaping()})

        async def take(count: int) -> list[bytes]:
            events: AsyncIterator = _events(parts, owner, job)
            return [(await anext(events)).encode() for _ in range(count)]

        first, *rest = anyio.run(take, 3)
        assert first.startswith(b"event: progress")
        assert rest == [b": still here\r\n\r\n"] * 2

    def test_a_stream_ends_when_its_job_is_deleted(self, house: House) -> None:
        job = house.finished_job("hello")
        owner = Owner(house.key.application_id, "alice")
        document = house.parts.reader.get(owner, job["job_id"])
        house.client.delete(f"/api/v1/voice/job/{job['job_id']}", headers=house.headers())

        async def drain() -> list:
            return [event async for event in _events(house.parts, owner, document)]

        assert [event.event for event in anyio.run(drain)] == ["end"]


class _Leaping(FrozenClock):
    def monotonic_s(self) -> float:
        self.advance(11)
        return super().monotonic_s()


class TestService:
    def test_languages_tells_who_can_speak_and_which_routes_there_are(self, house: House) -> None:
        answer = house.client.get("/api/v1/languages", headers=house.headers()).json()

        assert {"source": "en", "target": "fr", "quality": "standard"} in answer["routes"]
        assert {"language": "fr", "name": "French", "speaks": True} in answer["languages"]

    def test_it_is_ready_only_after_a_worker_has_really_spoken(self, house: House) -> None:
        def status() -> list[int]:
            paths = ("/health/ready", "/api/v1/health")
            return [house.client.get(path, headers=house.headers()).status_code for path in paths]

        assert status() == [503, 503]
        house.registry.proven()
        assert status() == [200, 200]
        assert house.client.get("/api/v1/health", headers=house.headers()).json()["spoken_since_start"] is True

    def test_liveness_touches_nothing_that_can_be_away(self, house: House) -> None:
        with house.database.write() as connection:
            connection.exec_driver_sql("DROP TABLE workers")

        assert house.client.get("/health/live").json() == {"status": "alive"}

    def test_a_database_that_is_away_is_503_and_not_500(self, house: House, tmp_path) -> None:
        with house.database.write() as connection:
            connection.exec_driver_sql("DROP TABLE workers")

        response = house.client.get("/health/ready")

        assert (response.status_code, response.json()["code"]) == (503, "storage_unavailable")

    def test_the_documentation_needs_nothing_from_elsewhere(self, house: House) -> None:
        page = house.client.get("/docs")

        assert "https://" not in page.text
        assert "<script" not in page.text
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert "/api/v1/voice/translate" in page.text
        assert "id='no_route'" in page.text

    def test_a_request_is_logged_by_its_route_and_without_what_it_carried(self, house: House, caplog) -> None:
        with caplog.at_level("INFO", "appliance.api"):
            house.send("what alice said", "fr")
            house.client.get("/api/v1/voice/job/job_secret", params={"user_id": "alice"}, headers=house.headers())

        lines = [vars(record) for record in caplog.records if record.message == "request"]
        assert [(line["method"], line["route"], line["status"]) for line in lines] == [
            ("POST", "/api/v1/voice/translate", 200),
            ("GET", "/api/v1/voice/job/{job_id}", 404),
        ]
        logged = "".join(JsonLines().format(record) for record in caplog.records)
        assert not [word for word in ("what alice said", "job_secret", house.key.key) if word in logged]
