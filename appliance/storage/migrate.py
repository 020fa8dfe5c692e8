"""Bringing a database to the schema that this code knows, or leaving a newer one alone that it can use."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from appliance.errors import SchemaTooNew
from appliance.storage.beside_writers import tell_what_is_missing
from appliance.storage.database import Database
from appliance.storage.shipped import add_shipped
from appliance.storage.site import set_site_value, site_value
from appliance.storage.tables import site

MIGRATIONS = Path(__file__).parent / "migrations"
READABLE_BY = "schema_readable_by"
"""Key in `site`: the oldest revision whose code runs on the schema as it is."""

# Any number that no other user of the database would lock; two processes that start at once then migrate in turn.
_LOCK = 0x6D65_6573_6879


def migrate(database: Database, migrations: Path = MIGRATIONS) -> None:
    """Apply all migrations and add all shipped rows that are missing; safe when several processes start at once.

    A schema of a newer release stays as it is where its migrations say that this one's code runs on it; else
    SchemaTooNew. Each migration may say so by `readable_by`, the oldest revision whose code runs on what it leaves,
    while an upgrade is under way or after one was taken back; without it, that is itself. Revisions are four digits,
    so they compare as text. What PostgreSQL builds beside writers is left to `meeshy migrate`: no service
    may wait for it.
    """
    if _migrate(database, migrations):
        tell_what_is_missing(database)


def _migrate(database: Database, migrations: Path) -> bool:
    """Return whether the schema is the newest one of these migrations now; a newer one is left alone."""
    with database.write() as connection:
        if not database.is_sqlite:
            # A migration takes as long as it takes, and so does waiting for the process that does it already.
            for limit in ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout"):
                connection.execute(sa.text(f"SET LOCAL {limit} = 0"))
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        config = alembic_config(connection, migrations)
        readable_by = _readable_by(config)
        found = MigrationContext.configure(connection).get_current_revision()
        if found is not None and found not in readable_by:
            _require_readable(connection, found, max(readable_by))
            return False
        if found != max(readable_by):
            # Not asked where nothing is left to do: at each start of each process it would load all of them once more.
            command.upgrade(config, "head")
        add_shipped(connection)
        # The strictest counts: what reads the newest migration's tables may still stumble over those of one before.
        oldest = max(readable_by.values())
        if site_value(connection, READABLE_BY) != oldest:
            set_site_value(connection, READABLE_BY, oldest, database.now_s(connection))
    return True


def current_revision(database: Database) -> str | None:
    """Return the revision that the database is at, None where it holds nothing yet."""
    with database.read(cursors=True) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def alembic_config(connection: sa.Connection, migrations: Path = MIGRATIONS) -> Config:
    """Return Alembic's configuration for a connection, as commands such as `revision` need it too."""
    config = Config()
    config.set_main_option("script_location", str(migrations))
    config.attributes["connection"] = connection
    return config


def _readable_by(config: Config) -> dict[str, str]:
    """Return, per revision that this code knows, the oldest revision whose code runs on what it leaves."""
    known = ScriptDirectory.from_config(config).walk_revisions()
    return {each.revision: getattr(each.module, "readable_by", each.revision) for each in known}


def _require_readable(connection: sa.Connection, found: str, newest: str) -> None:
    # A database that is no appliance's may have no such table, and on PostgreSQL a failed question ends a transaction.
    oldest = site_value(connection, READABLE_BY) if sa.inspect(connection).has_table(site.name) else None
    if oldest is None or newest < oldest:
        needed = f"a release that knows {oldest}" if oldest else "the release that made it"
        raise SchemaTooNew(
            f"The database has schema {found} and needs {needed}; this release knows {newest} and older ones only. "
            "Install that release again, or restore a backup that was made before."
        )
