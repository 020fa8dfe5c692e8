"""An index of a large table keeps nobody from writing while PostgreSQL builds it."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from alembic import command
from click.testing import CliRunner

from appliance.commands.migrate import migrate as upgrade
from appliance.settings import Settings
from appliance.storage import beside_writers
from appliance.storage.database import Database
from appliance.storage.migrate import alembic_config, migrate
from appliance.storage.tables import audit, jobs, usage
from tests.services import postgres_url as postgres_url
from tests.storage.empty_schema import empty

INDEX = "ix_audit_console_at_s"
SPOKEN = {"at_s": 0.0, "application_id": "app", "user_id": "u", "action": "spoken", "subject": "s", "detail": {}}
OWNER = {"application_id": "app", "user_id": "u"}
COUNTED = {
    "target_id": "t", **OWNER, "day": "2026-11-27", "translations": 1, "cached_answers": 0, "audio_s": 1.0,
    "recording_bytes": 1,
}  # fmt: skip
JOB = {
    "id": "j", **OWNER, "state": "running", "accepted_s": 0.0, "deadline_s": 0.0, "request": {}, "request_sha256": "",
    "audio_sha256": "",
}  # fmt: skip
WAITS = sa.text("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX%' AND wait_event_type = 'Lock'")


@pytest.fixture
def database(postgres_url: str) -> Iterator[Database]:
    """A site from before the indexes, with something in each of their tables."""
    database = Database(postgres_url)
    empty(database)
    migrate(database)
    with database.write() as connection:
        command.downgrade(alembic_config(connection), "0017")
        for table, row in ((audit, SPOKEN), (usage, COUNTED), (jobs, JOB)):
            connection.execute(sa.insert(table).values(row))
    yield database
    empty(database)
    database.close()


def valid(database: Database, name: str = INDEX) -> bool | None:
    with database.read() as connection:
        return connection.scalar(
            sa.text("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)"), {"name": name}
        )


def until(probe: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + 30
    while not probe():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


def upgraded(database: Database) -> None:
    url = database.url.render_as_string(hide_password=False)
    result = CliRunner().invoke(upgrade, obj=Settings(database_url=url))
    assert result.exit_code == 0, result.output


def test_others_write_while_it_is_built(database):
    with database.engine.connect() as older, older.begin():
        older.execute(sa.insert(audit).values(SPOKEN))
        building = threading.Thread(target=upgraded, args=(database,))
        building.start()
        with database.read() as looks:
            until(lambda: looks.scalar(WAITS))
        with database.write() as connection:
            connection.execute(sa.text("SET LOCAL lock_timeout = '2s'"))
            connection.execute(sa.insert(audit).values(SPOKEN))
    building.join(60)

    assert valid(database) is True


@pytest.mark.parametrize("name", beside_writers.BUILT_BESIDE)
def test_a_migration_leaves_each_of_them_out_and_the_command_builds_it(database, name):
    with database.write() as connection:
        command.upgrade(alembic_config(connection), "head")
    assert valid(database, name) is None
    upgraded(database)
    assert valid(database, name) is True


def test_one_that_was_given_up_half_way_is_built_anew_and_until_then_nothing_fails(database, caplog, monkeypatch):
    monkeypatch.setattr(beside_writers, "BUILD_S", 1)
    with database.engine.connect() as older, older.begin():
        older.execute(sa.insert(audit).values(SPOKEN))
        upgraded(database)
        assert valid(database) is False
    assert "builds it when it is called again" in caplog.text

    upgraded(database)

    assert valid(database) is True


def test_what_another_process_builds_is_not_waited_for(database):
    with database.read() as other:
        other.execute(sa.text("SELECT pg_advisory_lock(:lock)"), {"lock": beside_writers._LOCK})
        upgraded(database)
        assert valid(database) is None
        other.execute(sa.text("SELECT pg_advisory_unlock(:lock)"), {"lock": beside_writers._LOCK})
    upgraded(database)
    assert valid(database) is True


def test_of_an_empty_table_it_is_there_with_the_migration(database):
    with database.write() as connection:
        connection.execute(sa.delete(audit))
        command.upgrade(alembic_config(connection), "head")
    assert valid(database) is True
    with database.write() as connection:
        command.downgrade(alembic_config(connection), "0017")
    assert valid(database) is None


def test_a_service_starts_without_it_and_says_so(database, caplog):
    migrate(database)
    assert valid(database) is None
    assert f"`meeshy migrate` builds it: {', '.join(beside_writers.BUILT_BESIDE)}" in caplog.text
