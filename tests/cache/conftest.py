"""The second cache level in both its forms, over both databases and a Redis."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from appliance.cache.database_cache import DatabaseCache
from appliance.cache.interface import Cache
from appliance.cache.kinds import Kind
from appliance.cache.redis_cache import RedisCache
from appliance.storage.database import Database
from appliance.storage.migrate import migrate
from appliance.storage.tables import cached_answers
from appliance.testing.clock import FrozenClock
from tests.services import postgres_url as postgres_url
from tests.services import redis as redis
from tests.services import redis_of_session as redis_of_session

LASTS_S = {Kind.TRANSLATION: 604800.0, Kind.AUDIO: 86400.0}
FORMS = ["sqlite", "postgresql", "redis"]
NewCache = Callable[[], Cache]


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def new_cache(form: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NewCache]:
    """Make clients of one empty cache: each stands for a process of its own."""
    if form == "redis":
        url = request.getfixturevalue("redis").url
        made = []

        def over_redis() -> Cache:
            made.append(RedisCache(url, LASTS_S))
            return made[-1]

        yield over_redis
        for cache in made:
            cache.close()
        return
    url = f"sqlite:///{tmp_path / 'test.sqlite3'}" if form == "sqlite" else request.getfixturevalue("postgres_url")
    databases = [Database(url)]
    migrate(databases[0])

    def over_database() -> Cache:
        databases.append(Database(url))
        return DatabaseCache(databases[-1])

    yield over_database
    with databases[0].write() as connection:
        connection.execute(sa.delete(cached_answers))
    for database in databases:
        database.close()


@pytest.fixture
def cache(new_cache: NewCache) -> Cache:
    return new_cache()
