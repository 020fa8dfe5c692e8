"""The database: one engine for SQLite or PostgreSQL, short transactions, and the time that leases are measured in."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoFreeConnection

from appliance.clock import Clock
from appliance.errors import StorageUnavailable
from appliance.storage.patience import WORKING, Outage, Patience

SQLITE_BUSY_TIMEOUT_MS = 10_000
_WRITES = "meeshy_writes"
CONNECTIONS = 10
"""Kept open at most; more than the threads of an API process that use the database, so that none comes and goes."""
MORE_CONNECTIONS = 5

_SQLITE_NOW_S = sa.text("SELECT (julianday('now') - 2440587.5) * 86400.0")
"""unixepoch('subsec') is NULL on SQLite 3.40; julianday has a resolution of about 0.04 ms."""
_POSTGRESQL_NOW_S = sa.text("SELECT extract(epoch FROM clock_timestamp())")

_EVERYWHERE: dict[str, Any] = {
    # An error that is printed must not print transcripts and secrets with it.
    "hide_parameters": True,
    # Documents are written as they are, without a copy in dictionaries.
    "json_serializer": lambda document: msgspec.json.encode(document).decode(),
    "json_deserializer": msgspec.json.decode,
}


class Database:
    """A connection pool with two kinds of transaction: `write` (serialised early on SQLite) and `read`."""

    def __init__(self, url: str, clock: Clock | None = None, patience: Patience = WORKING) -> None:
        """Prepare the pool for an SQLAlchemy URL; nothing connects yet. A clock given here replaces database time.

        `patience` says when a PostgreSQL server that is silent counts as away.
        """
        self._outage = Outage()
        self.url = sa.make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._clock = clock
        if self.is_sqlite:
            if self.url.database:
                file = Path(self.url.database)
                file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                file.touch(mode=0o600)
            self.engine = sa.create_engine(
                self.url, **_EVERYWHERE, connect_args={"timeout": SQLITE_BUSY_TIMEOUT_MS / 1000}
            )
            sa.event.listen(self.engine, "connect", _configure_sqlite)
            sa.event.listen(self.engine, "begin", _begin_sqlite)
            self._reading = self.engine
        else:
            # Here and not above: the driver costs a command on SQLite a tenth of a second.
            from appliance.storage.impatient import impatient, require_living

            self.engine = sa.create_engine(
                self.url.set(drivername="postgresql+psycopg"),
                # The connection that was heard last: it need not be asked whether it lives, and the others may rest.
                pool_use_lifo=True,
                pool_size=CONNECTIONS,
                max_overflow=MORE_CONNECTIONS,
                pool_timeout=patience.connect_s,
                **_EVERYWHERE,
                # What the URL itself says comes first.
                connect_args={
                    name: value for name, value in patience.parameters().items() if name not in self.url.query
                },
            )
            kind = impatient(patience, self._outage)
            sa.event.listen(
                self.engine, "do_connect", lambda dialect, record, args, named: kind.connect(*args, **named)
            )
            sa.event.listen(self.engine, "checkout", lambda connection, record, pooled: require_living(connection))
            self._reading = self.engine.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """Yield a connection in a transaction that commits at the end; StorageUnavailable when the database is away.

        On SQLite it takes the write lock at once: a transaction that reads first and writes later can fail with
        "database is locked" without waiting, whatever the busy timeout is.
        """
        with self._translated(), self.engine.connect() as connection:
            connection = connection.execution_options(**{_WRITES: True})
            with connection.begin():
                yield connection

    @contextmanager
    def read(self, *, cursors: bool = False) -> Iterator[sa.Connection]:
        """Yield a connection for reading; StorageUnavailable when the database is away.

        On PostgreSQL every statement stands alone, as it does among others that read what is committed: the two round
        trips that begin and end a transaction are a third of a short question. `cursors` asks for one all the same,
        for results that are fetched block by block.
        """
        engine = self.engine if cursors else self._reading
        with self._translated(), engine.connect() as connection:
            yield connection

    def now_s(self, connection: sa.Connection) -> float:
        """Return the time that all workers agree on: the server's on PostgreSQL, the host's on SQLite."""
        if self._clock is not None:
            return self._clock.now_s()
        if self.is_sqlite:
            return float(connection.scalar(_SQLITE_NOW_S))
        return float(connection.scalar(_POSTGRESQL_NOW_S))

    def close(self) -> None:
        """Give all connections back to the operating system."""
        self.engine.dispose()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        if self._outage.lasts():
            raise StorageUnavailable("The database does not answer.")
        try:
            yield
        except (OperationalError, InterfaceError, NoFreeConnection) as away:
            raise StorageUnavailable("The database does not answer.") from away
        except DBAPIError as failure:
            if failure.connection_invalidated:
                raise StorageUnavailable("The database closed the connection.") from failure
            raise


def _begin_sqlite(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get(_WRITES) else "BEGIN")


def _configure_sqlite(connection: Any, _record: Any) -> None:
    # The driver's own BEGIN comes late and deferred, so it is switched off. FULL: WAL with NORMAL may lose commits
    # that were acknowledged when the power goes.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
