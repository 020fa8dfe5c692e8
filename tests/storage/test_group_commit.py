"""Writes of several threads in one transaction: each of them all or nothing, whatever becomes of the others."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from appliance.errors import NotFound
from appliance.storage.database import Database
from appliance.storage.migrate import migrate
from appliance.storage.site import set_site_value, site_value
from appliance.storage.tables import site
from tests.services import postgres_url as postgres_url

WRITERS = 24


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path):
    sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path / 't.sqlite3'}" if sqlite else request.getfixturevalue("postgres_url")
    database = Database(url)
    migrate(database)
    yield database
    with database.write() as connection:
        connection.execute(sa.delete(site))
    database.close()


def commits_of(database: Database) -> list:
    commits = []
    sa.event.listen(database.engine, "commit", commits.append)
    return commits


def value(database: Database, key: str):
    with database.read() as connection:
        return site_value(connection, key)


def test_a_write_alone_is_committed_when_it_returns(database):
    def write(connection):
        set_site_value(connection, "one", 1, 0.0)
        return "done"

    assert database.together(write) == "done"
    assert value(database, "one") == 1


def test_writes_that_wait_share_a_commit(database):
    if not database.is_sqlite:
        pytest.skip("PostgreSQL groups commits itself")
    started, go_on = threading.Event(), threading.Event()

    def first(connection):
        started.set()
        assert go_on.wait(30)

    def write(number):
        return database.together(lambda connection: set_site_value(connection, f"key {number}", number, 0.0))

    with ThreadPoolExecutor(WRITERS + 1) as pool:
        slow = pool.submit(database.together, first)
        assert started.wait(30)
        commits = commits_of(database)
        writes = [pool.submit(write, number) for number in range(WRITERS)]
        while len(database._group._waiting) < WRITERS:
            pass
        go_on.set()
        slow.result(30)
        for future in writes:
            future.result(30)
    assert len(commits) == 2  # the slow one's, and one for all others
    assert [value(database, f"key {number}") for number in range(WRITERS)] == list(range(WRITERS))


def test_one_that_fails_fails_alone_and_leaves_nothing(database):

    def write(number):
        def rows(connection):
            set_site_value(connection, f"key {number}", number, 0.0)
            if number % 3 == 0:
                raise NotFound(f"number {number}")
            return number

        return database.together(rows)

    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(write, number) for number in range(WRITERS)]
    for number, future in enumerate(futures):
        if number % 3 == 0:
            with pytest.raises(NotFound, match=f"number {number}"):
                future.result()
            assert value(database, f"key {number}") is None
        else:
            assert future.result() == number == value(database, f"key {number}")


def test_what_is_noted_for_the_metrics_counts_once_where_a_group_is_written_again(database):
    from appliance.telemetry.metrics import Metrics
    from appliance.telemetry.noting import note

    metrics = Metrics()
    metrics.count_commits_of(database.engine)

    def write(number):
        def rows(connection):
            note(connection, "stale_fences")
            if number == 3:
                raise NotFound

        return database.together(rows)

    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(write, number) for number in range(8)]
    assert [future.exception() is not None for future in futures] == [number == 3 for number in range(8)]
    assert "meeshy_stale_fences_total 7.0" in metrics.text().decode().splitlines()
