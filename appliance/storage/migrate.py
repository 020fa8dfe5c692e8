"""Bringing a database to the schema that this version of the code knows."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext

from appliance.storage.database import Database
from appliance.storage.shipped import add_shipped

# Any number that no other user of the database would lock; two processes that start at once then migrate in turn.
_LOCK = 0x6D65_6573_6879


def migrate(database: Database) -> None:
    """Apply all migrations and add all shipped rows that are missing; safe when several processes start at once."""
    with database.write() as connection:
        if not database.is_sqlite:
            # A migration takes as long as it takes, and so does waiting for the process that does it already.
            for limit in ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout"):
                connection.execute(sa.text(f"SET LOCAL {limit} = 0"))
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        command.upgrade(alembic_config(connection), "head")
        add_shipped(connection)


def current_revision(database: Database) -> str | None:
    """Return the revision that the database is at, None where it holds nothing yet."""
    with database.read(cursors=True) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def alembic_config(connection: sa.Connection) -> Config:
    """Return Alembic's configuration for a connection, as commands such as `revision` need it too."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config
