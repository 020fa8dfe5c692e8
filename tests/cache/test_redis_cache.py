"""What a cache in Redis does when Redis is away, and what it never holds."""

import time

import pytest

from appliance.cache.answers import Answer
from appliance.cache.keys import owner_digest
from appliance.cache.kinds import Kind
from appliance.cache.redis_cache import AWAY_S, NAMESPACE, SILENCE_S, VALUE_BYTES_MAX, RedisCache
from appliance.errors import StorageUnavailable
from appliance.owner import Owner
from appliance.testing.redis_server import redis_program, redis_server
from tests.cache.conftest import LASTS_S
from tests.services import needed

ALICE = Owner("app", "alice")
HELLO = Answer("k" * 64, ALICE, Kind.TRANSLATION, "hello", 100.0, "job_1")
MANY_CALLS = 200


@pytest.fixture
def own_redis():
    needed(redis_program(), "Redis", "Debian: redis-server")
    with redis_server(redis_program()) as server:
        yield server


class Hands:
    """A clock's hands, moved by the test."""

    at_s = 0.0

    def __call__(self) -> float:
        return self.at_s


def every_call(cache: RedisCache) -> tuple:
    cache.keep([HELLO])
    return cache.recall(Kind.TRANSLATION, [HELLO.key]), cache.lease([HELLO.key, "other"], "me", 5.0)


def test_work_goes_on_while_redis_is_down_and_everybody_computes(own_redis):
    hands = Hands()
    cache = RedisCache(own_redis.url, LASTS_S, hands)
    cache.keep([HELLO])
    own_redis.kill()
    assert every_call(cache) == ({}, {HELLO.key, "other"})
    own_redis.start()
    hands.at_s += AWAY_S + 0.1
    cache.keep([HELLO])
    assert cache.recall(Kind.TRANSLATION, [HELLO.key]) == {HELLO.key: "hello"}
    cache.close()


def test_a_frozen_redis_costs_one_bounded_wait_and_no_more(own_redis):
    hands = Hands()
    cache = RedisCache(own_redis.url, LASTS_S, hands)
    cache.keep([HELLO])
    with own_redis.frozen():
        began_s = time.monotonic()
        for _ in range(MANY_CALLS):
            assert every_call(cache) == ({}, {HELLO.key, "other"})
        took_s = time.monotonic() - began_s
    # 800 calls that each waited would take minutes: the bound is far from both.
    assert took_s < 20 * SILENCE_S
    hands.at_s += AWAY_S + 0.1
    assert cache.recall(Kind.TRANSLATION, [HELLO.key]) == {HELLO.key: "hello"}
    cache.close()


def test_forgetting_fails_aloud_while_redis_is_away(own_redis):
    cache = RedisCache(own_redis.url, LASTS_S)
    own_redis.kill()
    for forget in (lambda: cache.forget_job(ALICE, "job_1"), lambda: cache.forget_owner(ALICE)):
        with pytest.raises(StorageUnavailable):
            forget()
    cache.close()


def test_a_value_that_is_too_large_is_not_kept(redis):
    cache = RedisCache(redis.url, LASTS_S)
    cache.keep([HELLO._replace(key="large", value="x" * VALUE_BYTES_MAX), HELLO])
    assert cache.recall(Kind.TRANSLATION, ["large", HELLO.key]) == {HELLO.key: "hello"}
    cache.close()


def test_a_value_that_cannot_be_read_counts_as_none(redis):
    cache = RedisCache(redis.url, LASTS_S)
    with redis.client() as client:
        client.set(f"{NAMESPACE}:translation:{HELLO.key}", b"\xff" * 64)
        client.set(f"{NAMESPACE}:translation:short", b"x")
    assert cache.recall(Kind.TRANSLATION, [HELLO.key, "short"]) == {}
    cache.close()


def test_everything_in_redis_ends_and_names_no_user(redis):
    cache = RedisCache(redis.url, LASTS_S)
    every_call(cache)
    cache.keep([HELLO._replace(kind=Kind.AUDIO, key="a" * 64)])
    with redis.client() as client:
        names = client.keys("*")
        assert len(names) == 6  # two values, two leases, two indexes
        assert all(client.pttl(name) > 0 for name in names)
        assert not [name for name in names if b"alice" in name]
        # An index holds what lives: what has expired leaves it when the next answer comes.
        index = f"{NAMESPACE}:owner:{owner_digest(ALICE)}"
        client.zadd(index, {"gone": 1.0})
        cache.keep([HELLO])
        assert client.zscore(index, "gone") is None
    cache.close()
