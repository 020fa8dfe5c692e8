"""Plans over HTTP: what is refused on the headers, what is never refused, and what an application sees of its usage."""

from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest
from httpx import Response

from appliance.access.plans import change_plan, set_plan
from appliance.access.tokens import AUDIENCE
from appliance.audio.decoder import DecoderPool
from tests.integration.api_house import TRANSLATE, House, open_house

USAGE = "/api/v1/usage"


@pytest.fixture
def house(tmp_path: Path, decoder: DecoderPool) -> Iterator[House]:
    with open_house(tmp_path, decoder) as house:
        set_plan(house.database, "messenger", "free")
        yield house


def spend_everything(house: House) -> dict:
    change_plan(house.database, "free", {"translations_per_month": "1"})
    return house.finished_job("the only one")


def test_with_nothing_left_the_body_is_not_even_read(house: House) -> None:
    spend_everything(house)

    # Not multipart and not JSON: whoever read it would answer 415.
    response = house.client.post(TRANSLATE, headers=house.headers(), content=b"anything")

    assert response.status_code == 429
    assert response.json()["code"] == "quota_exceeded"
    assert response.json()["quota"] == "translations_per_month"
    assert 1 <= int(response.headers["retry-after"]) <= 31 * 86400


def test_looking_cancelling_deleting_and_health_are_never_refused(house: House) -> None:
    change_plan(house.database, "free", {"concurrent_jobs": "none"})
    waiting = house.waiting_job("waits")
    house.registry.proven()
    job_id = spend_everything_while(house, waiting)

    path = f"/api/v1/voice/job/{job_id}"
    answers = [house.client.get(path, headers=house.headers()) for _ in range(80)]
    assert {answer.status_code for answer in answers} == {200}
    assert house.client.delete(path, headers=house.headers()).status_code == 200
    assert house.client.delete(path, headers=house.headers()).status_code == 204
    assert house.client.get("/api/v1/health", headers=house.headers()).status_code == 200
    assert house.client.get(USAGE, headers=house.headers()).status_code == 200


def spend_everything_while(house: House, waiting: str) -> str:
    change_plan(house.database, "free", {"translations_per_month": "1", "requests_per_minute": "1"})
    assert house.send("more", "fr").status_code == 429
    return waiting


def test_a_repeated_idempotency_key_gets_its_job_when_nothing_is_left(house: House) -> None:
    change_plan(house.database, "free", {"translations_per_month": "1"})
    key = {"idempotency-key": "note-1"}
    first = house.finished_job("the only one", headers=key)

    assert house.finished_job("the only one", headers=key)["job_id"] == first["job_id"]
    assert house.send("another", "fr", headers={"idempotency-key": "note-2"}).status_code == 429


def test_a_language_outside_the_plan_is_refused_with_those_inside(house: House) -> None:
    change_plan(house.database, "free", {"languages": "es"})

    response = house.send("good morning", "fr")

    assert (response.status_code, response.json()["code"]) == (403, "language_not_in_plan")
    assert response.json()["languages"] == ["es"]


def test_over_the_plans_requests_per_minute_the_answer_is_429(house: House) -> None:
    change_plan(house.database, "free", {"user_requests_per_minute": "2", "requests_per_minute": "none"})

    # Six, because the minute may change between two of them.
    answers = [house.send("good morning", "fr") for _ in range(6)]

    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused[-1].json()["code"] == "rate_limited"
    assert 1 <= int(refused[-1].headers["retry-after"]) <= 60
    assert house.send("good morning", "fr", user="bob").status_code == 200


def test_what_is_refused_after_its_body_was_read_counts_as_well(house: House) -> None:
    change_plan(house.database, "free", {"user_requests_per_minute": "2", "requests_per_minute": "none"})
    change_plan(house.database, "free", {"languages": "es"})

    # Six, because the minute may change between two of them.
    answers = [house.send("good morning", "fr") for _ in range(6)]

    assert {answer.json()["code"] for answer in answers} == {"language_not_in_plan", "rate_limited"}


def test_a_request_waits_no_longer_than_its_plan_promises(tmp_path: Path, decoder: DecoderPool) -> None:
    with open_house(tmp_path, decoder, sla_s=1000, sla_scale=0.001) as house:
        house.working = False

        assert house.send("good morning", "fr").status_code == 202


class TestUsage:
    def test_an_application_sees_its_plan_and_what_is_left_of_it(self, house: House) -> None:
        house.finished_job("good morning", "fr", "es")
        house.finished_job("good morning", "fr", user="bob")
        house.finished_job("good morning", "fr", user="bob")

        answer = house.client.get(USAGE, headers=house.headers(None)).json()

        assert (answer["plan"]["name"], answer["plan"]["translations_per_month"]) == ("free", 50)
        assert (answer["used"]["translations"], answer["used"]["cached_answers"]) == (3, 1)
        assert answer["now"]["concurrent_jobs"] == 0
        # The readings whose utterances are kept are neither, and go with their recordings.
        stored = {entry.name: entry.size_bytes for entry in house.objects.entries("")}
        kept = sum(size for name, size in stored.items() if name.startswith("speech/"))
        used = answer["used"]["recording_bytes"] + answer["used"]["result_bytes"]
        assert answer["now"]["stored_bytes"] == used + kept == sum(stored.values())
        assert answer["user_id"] is None

    def test_the_user_filter_shows_one_user_and_a_token_only_its_own(self, house: House) -> None:
        house.finished_job("good morning", "fr", "es")
        house.finished_job("good morning", "fr", user="bob")
        claims = {"iss": house.key.application_id, "sub": "bob", "aud": AUDIENCE, "exp": 4_000_000_000}
        token = {"authorization": f"Bearer {jwt.encode(claims, house.key.token_secret)}"}

        def translations(headers: dict, **query: str) -> int:
            answer = house.client.get(USAGE, headers=headers, params=query)
            assert answer.status_code == 200
            return answer.json()["used"]["translations"]

        assert translations(house.headers(None), user_id="alice") == 2
        assert translations(house.headers("bob")) == 1
        assert translations(token) == 1
        assert house.client.get(USAGE, headers=token, params={"user_id": "alice"}).status_code == 403

    def test_another_application_sees_nothing_of_it(self, house: House) -> None:
        house.finished_job("good morning")

        answer = house.client.get(USAGE, headers=house.headers(None, key=house.another_key("other"))).json()

        assert answer["used"]["translations"] == 0

    def test_earlier_months_need_a_plan_with_analytics(self, house: House) -> None:
        def asked() -> Response:
            return house.client.get(USAGE, headers=house.headers(None), params={"month": "2020-01"})

        assert (asked().status_code, asked().json()["code"]) == (403, "analytics_not_in_plan")
        change_plan(house.database, "free", {"analytics": "true"})
        assert asked().status_code == 200

    def test_a_key_for_administration_alone_has_no_usage(self, house: House) -> None:
        headers = house.headers(None, key=house.another_key("console", "admin"))

        assert house.client.get(USAGE, headers=headers).status_code == 403
