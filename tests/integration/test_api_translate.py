import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.audio.decoder import DecoderPool
from tests.integration.api_house import TRANSLATE, House, open_house, recording


@pytest.fixture
def house(tmp_path: Path, decoder: DecoderPool) -> Iterator[House]:
    with open_house(tmp_path, decoder) as house:
        yield house


def test_a_form_is_answered_with_the_finished_document(house: House) -> None:
    response = house.send("good morning", "fr")

    answer = response.json()
    target = answer["targets"][0]
    assert response.status_code == 200, answer
    assert response.headers["location"] == f"/api/v1/voice/job/{answer['job_id']}"
    assert answer["state"] == "done"
    assert answer["source"]["text"] == "good morning"
    assert answer["source"]["language"] == "en"
    assert target["text"] == "fr:good morning"
    assert target["receipt"]["wer"] == 0.0
    assert target["similarity"] == answer["similarity"] == 1.0
    assert target["voice"] == "matched"
    assert answer["audio_url"] == target["audio_url"] == f"/api/v1/voice/job/{answer['job_id']}/audio/fr"
    assert answer["cached"] is False
    assert answer["partial_input"] is False


def test_json_with_base64_is_answered_like_the_form(house: House) -> None:
    body = {
        "user_id": "alice",
        "audio": base64.b64encode(recording("good morning")).decode(),
        "target_langs": ["fr", "es-MX"],
        "voice": "stock",
        "format": "mp3",
    }

    response = house.client.post(TRANSLATE, headers=house.headers(None), json=body)

    answer = response.json()
    assert response.status_code == 200, answer
    assert [target["language"] for target in answer["targets"]] == ["fr", "es"]
    assert {target["voice"] for target in answer["targets"]} == {"stock"}
    assert {target["voice_notice"] for target in answer["targets"]} == {None}
    assert answer["audio_url"] is None


def test_repeating_a_request_is_answered_from_the_cache_with_the_same_audio(house: House) -> None:
    first = house.finished_job("good morning")
    rings = house.rings

    again = house.finished_job("good morning")

    assert again["cached"] is True
    assert again["job_id"] != first["job_id"]
    assert house.rings == rings
    sounds = [house.client.get(each["audio_url"], headers=house.headers()).content for each in (first, again)]
    assert sounds[0] == sounds[1]


def test_without_consent_a_stock_voice_speaks_and_the_answer_says_so(house: House) -> None:
    answer = house.finished_job("hello", consent="false")

    assert answer["targets"][0]["voice"] == "stock"
    assert "consent" in answer["targets"][0]["voice_notice"]


def test_a_cached_stock_answer_tells_each_sender_what_concerns_them(house: House) -> None:
    asked_for_stock = house.finished_job("hello", voice="stock", consent="false")
    lacked_consent = house.finished_job("hello", consent="false")

    assert lacked_consent["cached"] is True
    assert asked_for_stock["targets"][0]["voice_notice"] is None
    assert "consent" in lacked_consent["targets"][0]["voice_notice"]


def test_a_job_that_takes_longer_than_the_limit_is_answered_with_202(tmp_path: Path, decoder: DecoderPool) -> None:
    with open_house(tmp_path, decoder, sla_s=0.05) as house:
        house.working = False

        response = house.send("good morning", "fr")

        assert response.status_code == 202
        assert response.headers["retry-after"] == "1"
        assert response.json()["state"] in ("queued", "running")
        house.work()
        job = house.client.get(response.headers["location"], headers=house.headers()).json()
        assert job["state"] == "done"


def test_the_async_route_answers_at_once(house: House) -> None:
    house.working = False

    response = house.send("good morning", "fr", path=f"{TRANSLATE}/async")

    assert response.status_code == 202
    assert response.json()["state"] == "running"
    assert response.headers["location"].endswith(response.json()["job_id"])


def test_the_same_idempotency_key_gives_the_same_job(house: House) -> None:
    key = {"idempotency-key": "note-1"}

    jobs = {house.send("good morning", "fr", headers=key).json()["job_id"] for _ in range(3)}

    assert len(jobs) == 1


def test_an_idempotency_key_used_for_another_request_is_a_conflict(house: House) -> None:
    key = {"idempotency-key": "note-1"}
    house.send("good morning", "fr", headers=key)

    response = house.send("something else", "fr", headers=key)

    assert (response.status_code, response.json()["code"]) == (409, "idempotency_conflict")


def test_a_recording_without_speech_answers_422_with_the_job(house: House) -> None:
    response = house.send("", "fr")

    problem = response.json()
    assert (response.status_code, problem["code"]) == (422, "no_speech")
    assert response.headers["content-type"] == "application/problem+json"
    job = house.client.get(f"/api/v1/voice/job/{problem['job_id']}", headers=house.headers())
    assert job.json()["error"]["code"] == "no_speech"


def test_a_job_that_failed_on_our_side_is_answered_as_a_document(house: House) -> None:
    response = house.send("POISON", "fr")

    assert response.status_code == 200
    assert response.json()["state"] == "failed"
    assert response.json()["error"] or response.json()["targets"][0]["error"]


def test_a_language_without_a_route_is_refused_with_those_that_have_one(house: House) -> None:
    response = house.send("hello", "ja")

    assert (response.status_code, response.json()["code"]) == (422, "no_route")
    assert response.json()["reachable"] == ["en", "es", "fr"]


def test_audio_is_the_receipts_own_bytes(house: House) -> None:
    answer = house.finished_job("hello")

    response = house.client.get(answer["audio_url"], headers=house.headers())

    assert response.headers["etag"] == f'"{hashlib.sha256(response.content).hexdigest()}"'
    assert response.headers["content-type"] == "audio/wav"
    assert response.headers["cache-control"] == "private, no-cache"


def test_without_workers_the_answer_is_not_ready_and_when_to_try_again(tmp_path: Path, decoder: DecoderPool) -> None:
    with open_house(tmp_path, decoder) as house:
        with house.database.write() as connection:
            connection.exec_driver_sql("DELETE FROM workers")

        response = house.send("hello", "fr")

        assert (response.status_code, response.json()["code"]) == (503, "not_ready")
        assert int(response.headers["retry-after"]) > 0
