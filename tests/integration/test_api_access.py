import re
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest

from appliance.access.keys import revoke_key
from appliance.audio.decoder import DecoderPool
from tests.integration.api_house import TRANSLATE, House, open_house

OPEN = {"/health/live", "/health/ready", "/schema/openapi.json", "/docs"}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with DecoderPool() as decoder, open_house(tmp_path_factory.mktemp("house"), decoder) as house:
        yield house


def _routes(house: House) -> list[tuple[str, str]]:
    """Every path with every method that it answers, with something in the place of each parameter."""
    found = []
    for route in house.app.routes:
        path = re.sub(
            r"\{(\w+):\w+\}", lambda match: {"file": "fr.srt", "language": "fr"}.get(match[1], "job_1"), route.path
        )
        found += [(method, path) for method in sorted(route.methods) if method != "OPTIONS"]
    return found


def test_without_a_key_every_route_but_the_open_ones_answers_401(house: House) -> None:
    closed = [(method, path) for method, path in _routes(house) if path not in OPEN]

    answers = {(method, path): house.client.request(method, path).status_code for method, path in closed}

    assert len(closed) >= 10
    assert set(answers.values()) == {401}, answers


def test_the_open_routes_need_no_key(house: House) -> None:
    answers = {path: house.client.get(path).status_code for path in OPEN}

    assert answers == dict.fromkeys(OPEN, 200) | {"/health/ready": 503}


@pytest.mark.parametrize("path", ["/api/v1/health/live", "/x/health/live", "/health/live/x", "/docs/x", "/v1/docs"])
def test_a_path_that_only_looks_like_an_open_one_is_not(house: House, path: str) -> None:
    assert house.client.get(path).status_code in (401, 404)


def test_a_401_says_how_to_authenticate(house: House) -> None:
    response = house.client.get("/api/v1/languages")

    assert response.headers["www-authenticate"].startswith("Bearer")
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["code"] == "not_authenticated"


@pytest.fixture(scope="module")
def job(house: House) -> dict:
    return house.finished_job("whose is it")


def _of_job(house: House, job: dict) -> list[tuple[str, str]]:
    found = []
    for route in house.app.routes:
        if "{job_id" not in route.path:
            continue
        path = route.path.replace("{job_id:str}", job["job_id"]).replace("{language:str}", "fr")
        found += [(method, path.replace("{file:str}", "fr.srt")) for method in route.methods if method != "OPTIONS"]
    return found


def test_another_owners_job_is_not_there_on_any_route(house: House, job: dict) -> None:
    other_application = house.another_key("other")
    foreigners = [house.headers("bob"), house.headers("alice", key=other_application)]

    answers = {
        (method, path): house.client.request(method, path, headers=headers).status_code
        for method, path in _of_job(house, job)
        for headers in foreigners
    }

    assert len(answers) >= 6
    assert set(answers.values()) == {404}, answers
    mine = house.client.get(f"/api/v1/voice/job/{job['job_id']}", headers=house.headers())
    assert mine.status_code == 200


def test_another_owners_cached_answer_is_not_used(house: House, job: dict) -> None:
    theirs = house.finished_job("whose is it", user="bob")

    assert theirs["cached"] is False


def test_another_owners_idempotency_key_is_another_key(house: House) -> None:
    key = {"idempotency-key": "mine"}
    jobs = {house.send("hello", "fr", user=user, headers=key).json()["job_id"] for user in ("alice", "bob")}

    assert len(jobs) == 2


def test_a_users_token_works_without_naming_the_user(house: House, job: dict) -> None:
    token = jwt.encode(
        {"iss": house.key.application_id, "sub": "alice", "aud": "meeshy", "exp": 4_000_000_000}, house.key.token_secret
    )
    path = f"/api/v1/voice/job/{job['job_id']}"

    def get(**headers: str) -> int:
        return house.client.get(path, headers={"authorization": f"Bearer {token}", **headers}).status_code

    assert get() == 200
    assert get(**{"x-meeshy-user": "alice"}) == 200
    assert get(**{"x-meeshy-user": "bob"}) == 403


def test_a_key_without_a_user_is_told_what_is_missing(house: House, job: dict) -> None:
    response = house.client.get(f"/api/v1/voice/job/{job['job_id']}", headers=house.headers(None))

    assert response.status_code == 400
    assert "X-Meeshy-User" in response.json()["detail"]


def test_the_user_may_stand_in_the_query(house: House, job: dict) -> None:
    path = f"/api/v1/voice/job/{job['job_id']}"

    assert house.client.get(path, params={"user_id": "alice"}, headers=house.headers(None)).status_code == 200
    assert house.client.get(path, params={"user_id": "bob"}, headers=house.headers("alice")).status_code == 400


def test_a_user_outside_ascii_is_the_same_in_header_body_and_query(house: House) -> None:
    job_id = house.finished_job("hello", user="", user_id="zoë", headers={"x-meeshy-user": "zoë".encode()})["job_id"]

    path = f"/api/v1/voice/job/{job_id}"
    assert house.client.get(path, params={"user_id": "zoë"}, headers=house.headers(None)).status_code == 200


def test_a_key_for_administration_alone_cannot_touch_voices(house: House, job: dict) -> None:
    headers = house.headers(key=house.another_key("console", "admin"))

    assert house.client.post(TRANSLATE, headers=headers).status_code == 403
    assert house.client.get(f"/api/v1/voice/job/{job['job_id']}", headers=headers).status_code == 403
    assert house.client.get("/api/v1/languages", headers=headers).status_code == 200


def test_a_revoked_key_is_refused(house: House) -> None:
    key = house.another_key("short-lived")
    assert house.client.get("/api/v1/languages", headers=house.headers(key=key)).status_code == 200
    revoke_key(house.database, key.split("_")[1])

    assert house.client.get("/api/v1/languages", headers=house.headers(key=key)).status_code == 401


def test_over_the_limit_the_answer_is_429_with_the_time_to_wait(tmp_path: Path) -> None:
    with DecoderPool() as decoder, open_house(tmp_path, decoder, requests_per_minute=2) as house:
        path = "/api/v1/voice/job/job_x"
        answers = [house.client.get(path, headers=house.headers()) for _ in range(6)]

        refused = [answer for answer in answers if answer.status_code == 429]
        assert refused
        assert refused[-1].json()["code"] == "rate_limited"
        assert 1 <= int(refused[-1].headers["retry-after"]) <= 60
        assert house.client.get(path, headers=house.headers("bob")).status_code == 404
