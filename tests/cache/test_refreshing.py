"""Conditioning lasts from its last use; erasure still finds it then."""

from pathlib import Path

import sqlalchemy as sa

from appliance.cache.answers import Answer
from appliance.cache.database_cache import DatabaseCache
from appliance.cache.keys import conditioning_key, owner_digest
from appliance.cache.kinds import Kind
from appliance.cache.redis_cache import NAMESPACE, RedisCache
from appliance.owner import Owner
from appliance.settings import Settings
from appliance.storage.database import Database
from appliance.storage.migrate import migrate
from appliance.storage.tables import cached_answers
from appliance.testing.clock import FrozenClock

ALICE = Owner("app", "alice")
KEY = conditioning_key(ALICE, "v1", "xtts/x@0/")
DAY_S = 86400.0


def test_a_use_lets_a_row_last_anew_and_is_written_once_a_tenth_has_passed(tmp_path: Path):
    clock = FrozenClock()
    database = Database(f"sqlite:///{tmp_path / 'test.sqlite3'}", clock)
    migrate(database)
    cache = DatabaseCache(database, Settings(data_dir=tmp_path))

    def expires_s() -> float:
        with database.read() as connection:
            return connection.scalar(sa.select(cached_answers.c.expires_s)) - 1_800_000_000.0

    cache.keep([Answer(KEY, ALICE, Kind.CONDITIONING, "sealed", 30 * DAY_S, None)])
    clock.advance(1 * DAY_S)
    assert cache.recall(Kind.CONDITIONING, [KEY])
    assert expires_s() == 30 * DAY_S
    clock.advance(19 * DAY_S)
    assert cache.recall(Kind.CONDITIONING, [KEY])
    assert expires_s() == 50 * DAY_S
    clock.advance(29 * DAY_S)
    assert cache.recall(Kind.CONDITIONING, [KEY])
    clock.advance(31 * DAY_S)
    assert not cache.recall(Kind.CONDITIONING, [KEY])
    database.close()


def test_a_use_lets_an_answer_in_redis_last_anew_with_what_names_it_for_erasure(redis):
    cache = RedisCache(redis.url, {Kind.CONDITIONING: 1000.0, Kind.TRANSLATION: 1000.0})
    cache.keep([Answer(KEY, ALICE, Kind.CONDITIONING, "sealed", 1000.0, None)])
    index, name = f"{NAMESPACE}:owner:{owner_digest(ALICE)}", f"{NAMESPACE}:conditioning:{KEY}"
    with redis.client() as client:
        # As if nearly all of its time had passed.
        client.pexpire(name, 5000)
        client.pexpire(index, 5000)
        client.zadd(index, {name: 1.0})
        assert cache.recall(Kind.CONDITIONING, [KEY]) == {KEY: "sealed"}
        assert client.pttl(name) > 900_000 < client.pttl(index)
        # Another answer of the owner clears expired names out of the index: this one is none.
        cache.keep([Answer("other", ALICE, Kind.TRANSLATION, "x", 1000.0, None)])
    cache.forget_owner(ALICE)
    assert not cache.recall(Kind.CONDITIONING, [KEY])
    cache.close()
