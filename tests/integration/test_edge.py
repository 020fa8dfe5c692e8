"""The edge in front of the API: it asks before each use of what it keeps, and says what it says in the API's words."""

import ssl
import threading
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from appliance.audio.decoder import DecoderPool
from tests.ansible_code import load
from tests.integration.api_house import open_house
from tests.integration.api_serving import serving
from tests.integration.nginx_edge import edge, nginx_program
from tests.services import needed

LONG_S = 60
PROBLEM = "application/problem+json"


@contextmanager
def in_front(house, folder: Path, **more):
    """A client of the edge, and the edge."""
    program = nginx_program()
    needed(program, "nginx", "Debian: nginx-light")
    folder.mkdir()
    with serving(house) as port, edge(program, folder, port, **more) as front:
        trusted = ssl.create_default_context(cafile=front.authority)
        with httpx.Client(base_url=front.url, verify=trusted, trust_env=False, timeout=LONG_S) as client:
            yield client, front, port


@pytest.fixture
def house(tmp_path):
    with DecoderPool() as decoder, open_house(tmp_path / "data", decoder, audio_ttl_s=1000) as house:
        yield house


@pytest.fixture
def audio(house) -> str:
    return house.finished_job("hello")["targets"][0]["audio_url"]


def test_what_is_asked_for_again_comes_from_the_edge_whole_or_in_ranges(house, audio, tmp_path):
    with in_front(house, tmp_path / "edge") as (client, front, _):
        first = client.get(audio, headers=house.headers())
        again = client.get(audio, headers=house.headers())
        part = client.get(audio, headers=house.headers(range="bytes=0-9"))
        same = client.get(audio, headers=house.headers(**{"if-none-match": first.headers["etag"]}))
        beyond = client.get(audio, headers=house.headers(range="bytes=99999999-"))
        size = client.head(audio, headers=house.headers())
        assert len(front.kept()) == 1

    assert [each.headers["meeshy-edge"] for each in (first, again, part)] == ["MISS", "HIT", "HIT"]
    assert (first.status_code, again.status_code, again.content) == (200, 200, first.content)
    assert again.headers["cache-control"] == "private, no-cache"
    assert again.headers["content-type"] == first.headers["content-type"]
    assert "x-accel-expires" not in first.headers
    assert (part.status_code, part.content) == (206, first.content[:10])
    assert (same.status_code, same.content) == (304, b"")
    assert (beyond.status_code, beyond.headers["content-type"], beyond.json()["code"]) == (
        416, PROBLEM, "range_not_satisfiable",
    )  # fmt: skip
    assert (size.status_code, size.headers["content-length"]) == (200, str(len(first.content)))
    assert "meeshy-edge" not in size.headers


def test_whoever_may_not_have_it_is_answered_by_the_api_itself(house, audio, tmp_path):
    stranger = house.headers("mallory")
    other = house.headers(key=house.another_key("other"))
    with in_front(house, tmp_path / "edge") as (client, _, port):
        client.get(audio, headers=house.headers())
        for headers in ({}, stranger, other, house.headers(key="mk_wrong")):
            through = client.get(audio, headers=headers)
            straight = httpx.get(f"http://127.0.0.1:{port}{audio}", headers=headers, trust_env=False)
            assert (through.status_code, through.json()) == (straight.status_code, straight.json())
            assert through.status_code in (401, 404)
            assert through.headers["content-type"] == PROBLEM


def test_two_users_audio_of_the_same_bytes_is_kept_once_and_asked_for_by_each(house, tmp_path):
    mine = house.finished_job("hello")["targets"][0]["audio_url"]
    theirs = house.finished_job("hello", user="bob")["targets"][0]["audio_url"]
    with in_front(house, tmp_path / "edge") as (client, front, _):
        etags = {
            client.get(mine, headers=house.headers()).headers["etag"],
            client.get(theirs, headers=house.headers("bob")).headers["etag"],
        }
        assert len(front.kept()) == len(etags) == 1
        assert client.get(theirs, headers=house.headers()).status_code == 404


def test_what_was_erased_is_refused_at_once_and_then_leaves_the_disk(house, audio, tmp_path):
    purging = load("roles/edge/files/edge_purge.py")
    job = audio.split("/")[5]
    with in_front(house, tmp_path / "edge") as (client, front, port):
        client.get(audio, headers=house.headers())
        client.delete(f"/api/v1/voice/job/{job}", headers=house.headers()).raise_for_status()
        assert client.get(audio, headers=house.headers()).status_code == 404
        assert len(front.kept()) == 1

        key = house.another_key("edge", "admin")
        dropped = purging.catch_up(f"http://127.0.0.1:{port}", front.cache, tmp_path / "after", key)

        assert (dropped, front.kept()) == (1, [])


def test_nothing_is_kept_of_what_the_api_does_not_let_the_edge_keep(house, audio, tmp_path):
    with in_front(house, tmp_path / "edge") as (client, front, _):
        client.get("/health/live").raise_for_status()
        client.get(audio.rpartition("/audio/")[0], headers=house.headers()).raise_for_status()
        assert front.kept() == []


def test_what_is_kept_is_asked_for_anew_when_its_time_is_over(tmp_path):
    with (
        DecoderPool() as decoder,
        open_house(tmp_path / "data", decoder, audio_ttl_s=1, phrase_audio_ttl_s=1) as house,
    ):
        url = house.finished_job("hello")["targets"][0]["audio_url"]
        with in_front(house, tmp_path / "edge") as (client, _, _):
            seen = {client.get(url, headers=house.headers()).headers["meeshy-edge"]}
            over = threading.Event()
            for _ in range(40):
                over.wait(0.1)
                seen.add(client.get(url, headers=house.headers()).headers["meeshy-edge"])

    assert "EXPIRED" in seen


def test_one_address_that_asks_too_much_is_told_so_as_the_api_would(house, tmp_path):
    # Loopback has no limit otherwise.
    with in_front(house, tmp_path / "edge", requests_per_s="1", burst="5", exempt=False) as (client, _, _):
        answers = [client.get("/health/live") for _ in range(12)]

    refused = [each for each in answers if each.status_code != 200]
    # One and the burst at least are let through; how many more depends on how long the twelve took.
    assert 1 <= len(refused) <= 6
    assert {(each.status_code, each.json()["code"], each.headers["retry-after"]) for each in refused} == {
        (429, "rate_limited", "1")
    }


def test_an_upload_that_is_too_large_is_refused_in_the_api_s_words(house, tmp_path):
    with in_front(house, tmp_path / "edge") as (client, _, _):
        answer = client.post(
            "/api/v1/voice/translate", headers=house.headers(), files={"audio": ("a.wav", bytes(2 << 20))},
            data={"target_lang": "fr"},
        )  # fmt: skip

    assert (answer.status_code, answer.json()["code"]) == (413, "upload_too_large")


def test_an_api_that_is_away_is_said_to_be_and_no_query_is_logged(house, audio, tmp_path):
    program = nginx_program()
    needed(program, "nginx", "Debian: nginx-light")
    (tmp_path / "edge").mkdir()
    with edge(program, tmp_path / "edge", 9) as front:
        trusted = ssl.create_default_context(cafile=front.authority)
        with httpx.Client(base_url=front.url, verify=trusted, trust_env=False) as client:
            answers = [client.get(path, params={"user_id": "alice"}) for path in ("/health/live", audio)]

    for each in answers:
        assert (each.status_code, each.json()["code"], each.headers["retry-after"]) == (503, "not_ready", "2")
    logs = "".join(path.read_text() for path in front.log.parent.iterdir())
    assert "/health/live" in logs
    assert "alice" not in logs
