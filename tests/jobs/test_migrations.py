"""The migrations lead to exactly the tables that the code knows, and back."""

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from appliance.storage.migrate import alembic_config, migrate
from appliance.storage.tables import metadata


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
