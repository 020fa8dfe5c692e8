"""The migrations lead to exactly the tables that the code knows, and back."""

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from appliance.storage.migrate import alembic_config, migrate
from appliance.storage.schema import metadata
from appliance.storage.tables import work_items
from tests.jobs.site import Site

INSERTED_BEFORE_0011 = (
    "id", "job_id", "target_id", "stage", "batch_key", "state", "deadline_s", "attempts", "fence", "payload",
    "created_s", "plan",
)  # fmt: skip


def differences(connection):
    return compare_metadata(MigrationContext.configure(connection), metadata)


def test_a_migrated_database_has_the_tables_of_the_code(database):
    with database.write() as connection:
        assert differences(connection) == []


def test_all_migrations_can_be_taken_back_and_applied_again(database):
    with database.write() as connection:
        command.downgrade(alembic_config(connection), "base")
        assert set(sa.inspect(connection).get_table_names()) <= {"alembic_version"}
    migrate(database)
    with database.write() as connection:
        assert differences(connection) == []


@pytest.mark.parametrize("state", ["ready", "claimed"])
def test_open_work_gets_its_jobs_priority_and_that_of_an_older_process_the_lowest(bench, state):
    job = Site(bench).note(0)
    assert priorities(bench.database) == [0]
    change(bench.database, sa.update(work_items).values(state=state))
    with bench.database.write() as connection:
        command.downgrade(alembic_config(connection), "0010")
    migrate(bench.database)
    assert priorities(bench.database) == [0]
    older = {name: sa.literal("item_older") if name == "id" else work_items.c[name] for name in INSERTED_BEFORE_0011}
    rows = sa.select(*older.values()).where(work_items.c.job_id == job.id)
    change(bench.database, sa.insert(work_items).from_select(list(older), rows, include_defaults=False))
    assert priorities(bench.database) == [0, 2]


def priorities(database):
    with database.read() as connection:
        return sorted(connection.scalars(sa.select(work_items.c.priority)))


def change(database, statement):
    with database.write() as connection:
        connection.execute(statement)
