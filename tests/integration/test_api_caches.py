"""The first cache level: who keeps audio asks before each use, and what was erased is served to nobody."""

from collections.abc import Iterator

import pytest

from appliance.access.keys import create_key, revoke_key
from appliance.audio.decoder import DecoderPool
from tests.integration.api_house import House, open_house
from tests.integration.caching_proxy import CachingProxy


@pytest.fixture
def house(tmp_path, decoder: DecoderPool) -> Iterator[House]:
    with open_house(tmp_path, decoder) as house:
        yield house


@pytest.fixture
def proxy(house: House) -> CachingProxy:
    return CachingProxy(house.client, house.another_key("edge", "admin"))


def counted(house: House, **labels: str) -> float:
    wanted = {f'{name}="{value}"' for name, value in labels.items()}
    lines = [
        line
        for line in house.parts.metrics.text().decode().splitlines()
        if line.startswith("meeshy_cache_lookups_total{") and all(label in line for label in wanted)
    ]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


def test_a_second_use_comes_from_the_cache_in_front_and_is_asked_for(house: House, proxy: CachingProxy) -> None:
    url = house.finished_job("hello")["audio_url"]

    first, second = proxy.get(url, house.headers()), proxy.get(url, house.headers())

    assert first == second
    assert first[0] == 200
    assert (proxy.fetched, proxy.served) == (1, 1)
    assert counted(house, level="l1", kind="authorised") == 2
    assert counted(house, level="l1", kind="audio", outcome="miss") == 1


def test_the_same_audio_of_two_jobs_is_kept_once_by_its_hash(house: House, proxy: CachingProxy) -> None:
    one, other = house.finished_job("hello"), house.finished_job("hello")

    assert one["job_id"] != other["job_id"]
    assert proxy.get(one["audio_url"], house.headers()) == proxy.get(other["audio_url"], house.headers())
    assert (proxy.fetched, len(proxy.kept)) == (1, 1)


def test_a_hit_is_refused_after_the_job_was_deleted_and_a_poll_drops_the_bytes(
    house: House, proxy: CachingProxy
) -> None:
    job = house.finished_job("hello")
    proxy.get(job["audio_url"], house.headers())
    house.client.delete(f"/api/v1/voice/job/{job['job_id']}", headers=house.headers())

    assert proxy.get(job["audio_url"], house.headers()) == (404, b"")
    assert len(proxy.kept) == 1
    proxy.poll()
    assert proxy.kept == {}


def test_nobody_else_gets_what_is_kept(house: House, proxy: CachingProxy) -> None:
    url = house.finished_job("hello")["audio_url"]
    proxy.get(url, house.headers())
    stranger = house.headers(key=house.another_key("other"))

    assert proxy.get(url, house.headers("bob"))[0] == 404
    assert proxy.get(url, stranger)[0] == 404
    assert proxy.get(url, {})[0] == 401
    assert proxy.served == 0


def test_a_revoked_key_gets_nothing_from_the_cache_in_front(house: House, proxy: CachingProxy) -> None:
    url = house.finished_job("hello")["audio_url"]
    second = create_key(house.database, "messenger", "app")
    assert proxy.get(url, house.headers(key=second.key))[0] == 200
    revoke_key(house.database, second.id)

    assert proxy.get(url, house.headers(key=second.key))[0] == 401


def test_audio_lasts_a_day_and_audio_of_phrases_a_month(house: House, proxy: CachingProxy) -> None:
    url = house.finished_job("hello")["audio_url"]
    answer = house.client.head(url, headers=house.headers())
    assert answer.headers["meeshy-edge-max-age"] == "86400"
    assert answer.headers["cache-control"] == "private, no-cache"

    proxy.get(url, house.headers())
    proxy.now_s += 86401
    proxy.get(url, house.headers())
    assert proxy.fetched == 2


def test_a_304_counts_as_a_hit(house: House) -> None:
    url = house.finished_job("hello")["audio_url"]
    etag = house.client.get(url, headers=house.headers()).headers["etag"]

    again = house.client.get(url, headers=house.headers() | {"if-none-match": etag})

    assert again.status_code == 304
    assert counted(house, level="l1", kind="audio", outcome="hit") == 1


def test_purges_need_the_role_viewer_and_name_neither_owner_nor_job(house: House, proxy: CachingProxy) -> None:
    job = house.finished_job("hello")
    etag = house.client.head(job["audio_url"], headers=house.headers()).headers["etag"].strip('"')
    house.client.delete(f"/api/v1/voice/job/{job['job_id']}", headers=house.headers())
    viewer = {"authorization": f"Bearer {house.another_key('edge', 'viewer')}"}

    assert house.client.get("/api/v1/admin/purges", headers=house.headers()).status_code == 403
    told = house.client.get("/api/v1/admin/purges", headers=viewer).json()
    assert [purge["audio_sha256"] for purge in told["purges"]] == [[etag]]
    assert set(told["purges"][0]) == {"id", "at_s", "audio_sha256"}
    assert house.client.get("/api/v1/admin/purges", params={"after": told["last"]}, headers=viewer).json() == {
        "purges": [], "last": told["last"]
    }  # fmt: skip


def test_the_documentation_may_be_kept_by_anybody_for_a_week(house: House) -> None:
    page = house.client.get("/docs")
    assert page.headers["cache-control"] == "public, max-age=604800"
    again = house.client.get("/docs", headers={"if-none-match": page.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    document = house.client.get("/schema/openapi.json")
    assert set(document.headers["cache-control"].split(", ")) == {"public", "max-age=604800"}
    assert not [path for path in document.json()["paths"] if path.startswith("/schema")]


def test_a_full_hit_counts_once_in_every_place_that_a_worked_job_does(house: House) -> None:
    house.finished_job("hello")
    before = counted(house, level="l2", kind="result", outcome="hit")
    house.parts.metrics.count_commits_of(house.database.engine)

    assert house.finished_job("hello")["cached"]

    assert counted(house, level="l2", kind="result", outcome="hit") == before + 1
