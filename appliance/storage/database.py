"""The database: one engine for SQLite or PostgreSQL, short transactions, and the time that leases are measured in."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoFreeConnection

from appliance.clock import Clock
from appliance.errors import StorageUnavailable
from appliance.storage.group_commit import GroupCommit
from appliance.storage.patience import WORKING, Outage, Patience

_T = TypeVar("_T")
SQLITE_BUSY_TIMEOUT_MS = 10_000
_WRITES = "meeshy_writes"
CONNECTIONS = 10
"""Kept open at most; more than the threads of an API process that use the database, so that none comes and goes."""
MORE_CONNECTIONS = 5

_SERVER_AWAY = frozenset({"57P01", "57P02", "57P03", "53300", "25006", "25P03"})
"""SQLSTATEs that say nothing against the work: a server that stops, crashed or starts, has no connection left, only
reads (a standby, as after a failover), or ended a transaction that stood still. Beside class 08, and what has none. All
others may be a statement's own fault, for ever: a lock that did not come, a disk that is full, a limit."""

_POSTGRESQL_NOW_S = sa.text("SELECT extract(epoch FROM clock_timestamp())")

_EVERYWHERE: dict[str, Any] = {
    # An error that is printed must not print transcripts and secrets with it.
    "hide_parameters": True,
    # Documents are written as they are, without a copy in dictionaries.
    "json_serializer": lambda document: msgspec.json.encode(document).decode(),
    "json_deserializer": msgspec.json.decode,
}


def unmade_file(url: str) -> Path | None:
    """Return the file that opening this database would make; None where it is there, or on a server."""
    parsed = sa.make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        return None
    file = Path(parsed.database)
    return None if file.exists() else file


class Database:
    """A connection pool with two kinds of transaction: `write` (serialised early on SQLite) and `read`."""

    def __init__(self, url: str, clock: Clock | None = None, patience: Patience = WORKING) -> None:
        """Prepare the pool for an SQLAlchemy URL; nothing connects yet. A clock given here replaces database time.

        `patience` says when a PostgreSQL server that is silent counts as away.
        """
        self._outage = Outage()
        # Reentrant, so that a thread which writes while it writes meets SQLite's own error, as on PostgreSQL.
        self._writing = threading.RLock()
        self._group = GroupCommit(self.write)
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
        with self._translated(), self._turn(), self.engine.connect() as connection:
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

    def together(self, write: Callable[[sa.Connection], _T]) -> _T:
        """Return what a small write returns once it is committed, on SQLite together with those that wait with it.

        It may run in another thread and more than once: it must change nothing but the database.
        """
        if self.is_sqlite:
            return self._group.run(write)
        with self.write() as connection:
            return write(connection)

    def now_s(self, connection: sa.Connection) -> float:
        """Return the time that all workers agree on: the server's on PostgreSQL, the host's on SQLite."""
        if self._clock is not None:
            return self._clock.now_s()
        if self.is_sqlite:
            # What SQLite would ask the host for; a statement for it costs a tenth of a millisecond, several times a
            # request.
            return time.time()
        return float(connection.scalar(_POSTGRESQL_NOW_S))

    def forget_deleted(self) -> bool:
        """Leave no byte of what was deleted in SQLite's files; return whether that was done.

        Deleted rows are overwritten where they lie (`secure_delete`), but the log still holds the pages as they were:
        it is written back and emptied, which waits for readers. PostgreSQL does that in its own time.
        """
        if not self.is_sqlite:
            return True
        connection = self.engine.raw_connection()
        try:
            cursor = connection.cursor()
            busy, _, _ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            cursor.close()
        finally:
            connection.close()
        return not busy

    def close(self) -> None:
        """Give all connections back to the operating system."""
        self.engine.dispose()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Let this process's threads write one after the other on SQLite.

        SQLite itself has no queue: who finds it locked sleeps and looks again, for up to 25 ms at a time after a few
        looks, while others that come later go first.
        """
        if not self.is_sqlite:
            yield
            return
        if not self._writing.acquire(timeout=SQLITE_BUSY_TIMEOUT_MS / 1000):
            raise StorageUnavailable("The database does not answer.")
        try:
            yield
        finally:
            self._writing.release()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        if self._outage.lasts():
            raise _unavailable("The database does not answer.", away=True)
        try:
            yield
        except (OperationalError, InterfaceError, NoFreeConnection) as failure:
            away = not self.is_sqlite and _is_away(failure)
            raise _unavailable("The database does not answer.", away=away) from failure
        except DBAPIError as failure:
            if failure.connection_invalidated or _sqlstate(failure) in _SERVER_AWAY:
                raise _unavailable("The database closed the connection.", away=True) from failure
            raise


def _sqlstate(failure: Exception) -> str:
    return getattr(getattr(failure, "orig", None), "sqlstate", None) or ""


def _is_away(failure: Exception) -> bool:
    """Return whether a failure says that the server is away, rather than that it refuses one statement."""
    sqlstate = _sqlstate(failure)
    return not sqlstate or sqlstate.startswith("08") or sqlstate in _SERVER_AWAY


def _unavailable(detail: str, *, away: bool) -> StorageUnavailable:
    failure = StorageUnavailable(detail)
    failure.database_away = away
    return failure


def _begin_sqlite(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get(_WRITES) else "BEGIN")


def _configure_sqlite(connection: Any, _record: Any) -> None:
    # The driver's own BEGIN comes late and deferred, so it is switched off. FULL: WAL with NORMAL may lose commits
    # that were acknowledged when the power goes.
    connection.isolation_level = None
    cursor = connection.cursor()
    # Erased means gone: pages that are given up, and the room of removed rows, are overwritten with zeros.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
