"""A database from before has its messages brought along, and the migrations end where the tables are."""

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from appliance.settings import Settings
from appliance.storage.database import Database
from appliance.storage.migrate import alembic_config, migrate
from appliance.storage.schema import metadata
from appliance.testing.webhook_receiver import HostileReceiver
from tests.jobs.post_office import PostOffice


def test_the_migrations_lead_to_the_tables(database: Database):
    with database.write() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_a_message_of_before_is_delivered_after(database: Database, clock, tmp_path):
    with HostileReceiver() as receiver:
        office = PostOffice(database, clock, Settings(data_dir=tmp_path))
        office.allow(receiver)
        message = office.add(receiver.url())
        with database.write() as connection:
            command.downgrade(alembic_config(connection), "0003")
        with database.read() as connection:
            columns = {column["name"] for column in sa.inspect(connection).get_columns("outbox")}
        migrate(database)

        assert "sequence" not in columns
        assert office.deliver() == 1
        assert office.well_signed(receiver.received[0])
        assert office.row(message).receiver == f"http://127.0.0.1:{receiver.port}"
        assert office.row(message).application_id == office.application.application_id
