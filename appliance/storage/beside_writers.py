"""Indexes of large tables that PostgreSQL builds beside writers, after the migration that wants them was committed.

`CREATE INDEX` keeps everybody from writing to its table until its transaction ends; `CREATE INDEX CONCURRENTLY` keeps
nobody, but cannot be in a transaction, as migrations are. A migration leaves such an index out where the table holds
rows already, `meeshy migrate` builds it, and code that asks for it works without, only slower.
"""

import logging

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateIndex

from appliance.errors import StorageUnavailable
from appliance.storage.database import Database
from appliance.storage.schema import metadata

log = logging.getLogger(__name__)

BUILT_BESIDE = ("ix_audit_console_at_s", "ix_usage_counted", "ix_jobs_holding")
BUILD_S = 240
"""It waits for every transaction that is older, as a backup's."""
_LOCK = 0x6D65_6573_6879 + 1
_VALID = sa.text("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)")


def left_for_later(connection: sa.Connection, table: str) -> bool:
    """Return whether a migration shall leave an index of `BUILT_BESIDE` out: on PostgreSQL, of a table with rows."""
    rows = sa.select(sa.literal(1)).select_from(sa.table(table)).limit(1)
    return connection.dialect.name == "postgresql" and connection.scalar(rows) is not None


def tell_what_is_missing(database: Database) -> None:
    """Log which of those are not there, or not whole; a service starts and works without them."""
    if database.is_sqlite:
        return
    with database.read() as connection:
        missing = _missing(connection)
    if missing:
        log.warning(
            "an index is missing, and `meeshy migrate` builds it: %s", ", ".join(str(each.name) for each in missing)
        )


def build_what_is_missing(database: Database) -> None:
    """Build those that are not there, or not whole; where another process does, or it fails, go on without them."""
    if database.is_sqlite:
        return
    try:
        with database.read() as connection:
            if _missing(connection):
                _build(connection)
    except (DBAPIError, StorageUnavailable) as failure:
        log.warning(
            "an index is still missing, and `meeshy migrate` builds it when it is called again: %s",
            type(failure).__name__,
        )


def _missing(connection: sa.Connection) -> list[sa.Index]:
    named = {index.name: index for table in metadata.tables.values() for index in table.indexes}
    return [named[name] for name in BUILT_BESIDE if not connection.scalar(_VALID, {"name": name})]


def _build(connection: sa.Connection) -> None:
    if not connection.scalar(sa.text("SELECT pg_try_advisory_lock(:lock)"), {"lock": _LOCK}):
        return
    try:
        connection.exec_driver_sql(f"SET statement_timeout = '{BUILD_S}s'")
        connection.exec_driver_sql("SET lock_timeout = 0")
        for index in _missing(connection):
            statement = str(CreateIndex(index).compile(dialect=connection.dialect))
            # One that was given up half-way is there, and never used.
            connection.exec_driver_sql(f"DROP INDEX CONCURRENTLY IF EXISTS {index.name}")
            connection.exec_driver_sql(statement.replace("CREATE INDEX", "CREATE INDEX CONCURRENTLY", 1))
    finally:
        # The connection goes with all that was set for it, and with the lock.
        connection.invalidate()
