"""Who may follow the stream of a console, how many at once, and how it ends: over a real port."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import msgspec
import pytest

from appliance.admin.snapshot import Snapshots
from appliance.api.admin_stream import AWAY_ROUNDS
from appliance.api.followers import MOST_OF_KEY, MOST_STREAMS
from appliance.audio.decoder import DecoderPool
from appliance.errors import StorageUnavailable
from tests.integration.api_house import House, open_house
from tests.integration.api_serving import LONG_S, serving
from tests.integration.console import ADMIN

BACK_OFF_IN_A_MINUTE = 6
"""Tries of a console after 1, 2, 4, 8, 16 and 30 s; each asks for a snapshot, then for the stream."""


@contextmanager
def opened(folder: Path, decoder: DecoderPool, **settings: object) -> Iterator[tuple[House, httpx.Client]]:
    with (
        open_house(folder, decoder, **settings) as house,
        serving(house) as port,
        httpx.Client(base_url=f"http://127.0.0.1:{port}{ADMIN}", trust_env=False, timeout=LONG_S) as client,
    ):
        yield house, client


def of(house: House, name: str) -> dict[str, str]:
    return house.headers(None, key=house.another_key(name, "viewer"))


def test_a_stream_without_a_database_ends_and_the_next_question_is_told_why(
    tmp_path: Path, decoder: DecoderPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("admin_stream", "latest"):
        monkeypatch.setattr(f"appliance.api.{place}.INTERVAL_S", 0.05)
    monkeypatch.setattr("appliance.api.admin_stream.FOLLOW_LIMIT_S", 20.0)
    tried: list[int] = []

    def away(self: Snapshots) -> tuple[int, bytes]:
        tried.append(1)
        raise StorageUnavailable("The database does not answer.")

    with opened(tmp_path, decoder) as (house, client):
        bob = of(house, "bob")
        with client.stream("GET", "/events", headers=bob) as stream:
            lines = stream.iter_lines()
            assert "event: snapshot" in (next(lines), next(lines))
            monkeypatch.setattr(Snapshots, "make_encoded", away)
            list(lines)
        looked, followed = (client.get(path, headers=bob) for path in ("/snapshot", "/events"))

    assert AWAY_ROUNDS <= len(tried) <= AWAY_ROUNDS + 2
    for answer in (looked, followed):
        assert (answer.status_code, answer.json()["code"]) == (503, "storage_unavailable")
        assert answer.json()["detail"] == "The database does not answer."


def test_a_database_that_is_back_within_three_rounds_ends_no_stream(
    tmp_path: Path, decoder: DecoderPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("admin_stream", "latest"):
        monkeypatch.setattr(f"appliance.api.{place}.INTERVAL_S", 0.05)
    rounds: list[int] = []
    make = Snapshots.make_encoded

    def two_of_three_fail(self: Snapshots) -> tuple[int, bytes]:
        rounds.append(1)
        if len(rounds) % 3 != 1:
            raise StorageUnavailable
        return make(self)

    monkeypatch.setattr(Snapshots, "make_encoded", two_of_three_fail)
    with (
        opened(tmp_path, decoder) as (house, client),
        client.stream("GET", "/events", headers=of(house, "bob")) as stream,
    ):
        told = (line for line in stream.iter_lines() if line.startswith("id: "))
        assert len([next(told) for _ in range(4)]) == 4


def test_one_key_follows_five_times_at_once_and_leaves_room_for_others(tmp_path: Path, decoder: DecoderPool) -> None:
    with opened(tmp_path, decoder) as (house, client), ExitStack() as streams:
        wallboard, anna = of(house, "wallboard"), of(house, "anna")
        followed: list[Iterator[str]] = []

        def follow(headers: dict[str, str]) -> tuple[int, bool]:
            """Return the answer's status, and whether anything came."""
            response = streams.enter_context(client.stream("GET", "/events", headers=headers))
            lines = response.iter_lines()
            followed.append(lines)
            return response.status_code, response.is_success and next(lines, "") != ""

        # At the same moment, as a script would: what is counted when they are let in is not all that comes.
        with ThreadPoolExecutor(MOST_OF_KEY + 7) as crowd:
            found = list(crowd.map(follow, [wallboard] * (MOST_OF_KEY + 7)))
        assert found.count((200, True)) == MOST_OF_KEY
        assert house.parts.followers.streams == MOST_OF_KEY
        refused = client.get("/events", headers=wallboard)
        assert (refused.status_code, refused.json()["code"], refused.headers["retry-after"]) == (
            429, "rate_limited", "10",
        )  # fmt: skip
        assert follow(anna) == (200, True)


def test_a_process_is_followed_fifty_times_at_once_whoever_follows(tmp_path: Path, decoder: DecoderPool) -> None:
    # The others leave after the process has ended: its loop alone counts while it runs.
    with ExitStack() as others, opened(tmp_path, decoder) as (house, client):
        for number in range(MOST_STREAMS - 1):
            others.enter_context(house.parts.followers.one_more(f"key {number}"))
        with client.stream("GET", "/events", headers=of(house, "bob")) as last:
            lines = last.iter_lines()
            assert (last.status_code, next(lines, "") != "") == (200, True)
            with client.stream("GET", "/events", headers=of(house, "eve")) as refused:
                assert (refused.status_code, refused.headers.get("retry-after")) == (503, "10")
                assert msgspec.json.decode(refused.read())["code"] == "overloaded"
            assert client.get("/snapshot", headers=of(house, "eve")).status_code == 200


def test_pictures_and_streams_count_as_requests_and_a_console_that_connects_anew_is_let_in(
    tmp_path: Path, decoder: DecoderPool
) -> None:
    limit = 2 * BACK_OFF_IN_A_MINUTE
    with opened(tmp_path, decoder, requests_per_minute=limit) as (house, client):
        bob, eve = of(house, "bob"), of(house, "eve")
        for _ in range(BACK_OFF_IN_A_MINUTE):
            assert client.get("/snapshot", headers=bob).status_code == 200
            with client.stream("GET", "/events", headers=bob) as stream:
                assert stream.status_code == 200
        # A minute may end between two of them: then there is room for as many again.
        for path in ("/snapshot", "/events"):
            statuses = []
            for _ in range(2 * limit + 1):
                with client.stream("GET", path, headers=eve) as answer:
                    statuses.append(answer.status_code)
            assert 429 in statuses, path
