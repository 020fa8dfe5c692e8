"""Connections to PostgreSQL that notice when nobody is there any more.

The server's own limits (`statement_timeout` and its like) do not help against a server that stands still: nobody is
there to keep them. TCP does not help either, since the kernel of a stopped process goes on acknowledging. So the client
asks: while a statement is silent, a second connection is tried. A server that takes it is slow, one that does not is
away.
"""

import select
import time
from collections.abc import Generator
from typing import Any, TypeVar

import psycopg
from psycopg.errors import ConnectionTimeout
from sqlalchemy.exc import InvalidatePoolError

from appliance.storage.patience import Outage, Patience

T = TypeVar("T")

UNHEARD_S = 0.5
"""A connection that was heard within so many seconds, and whose socket is quiet, is taken to live. A server that was
stopped or has put the connection down says so on the socket; one that vanished is found out by the statement."""


def impatient(patience: Patience, outage: Outage) -> type[psycopg.Connection]:
    """Return a class of connections that keeps these limits; what exceeds one closes the connection."""

    class Impatient(psycopg.Connection):
        conninfo = ""
        heard_s = float("-inf")

        @classmethod
        def _connect_gen(cls, conninfo: str = "") -> Generator[Any, Any, "Impatient"]:
            # Overridden because the public `connect_timeout` cannot be shorter than two seconds.
            if outage.lasts():
                raise ConnectionTimeout("the server did not answer a moment ago")
            steps = super()._connect_gen(conninfo)
            connection = yield from _within(steps, patience.connect_s, outage)
            connection.conninfo = conninfo
            return connection

        def wait(self, gen: Generator[Any, Any, T], interval: float = 0.1, timeout: float | None = None) -> T:
            return super().wait(self._watched(gen), interval, timeout)

        def _watched(self, steps: Generator[Any, Any, T]) -> Generator[Any, Any, T]:
            """Pass a statement's steps on; after so many seconds without a byte, ask whether the server is there."""
            asked_s = time.monotonic()
            try:
                wanted = next(steps)
                while True:
                    ready = yield wanted
                    if ready:
                        self.heard_s = asked_s = time.monotonic()
                    elif time.monotonic() - asked_s >= patience.silence_s:
                        self._require_server()
                        asked_s = time.monotonic()
                    wanted = steps.send(ready)
            except StopIteration as ended:
                return ended.value

        def _require_server(self) -> None:
            try:
                type(self).connect(self.conninfo).close()
            except ConnectionTimeout:
                self.close()
                raise
            except psycopg.OperationalError:
                # It answers, if only to say that it has no room.
                pass

    return Impatient


def require_living(connection: Any) -> None:
    """Raise InvalidatePoolError where the server of an idle connection is gone; asks it only where that is in doubt."""
    if time.monotonic() - connection.heard_s < UNHEARD_S and _is_quiet(connection):
        return
    try:
        connection.autocommit = True
        connection.execute("SELECT 1")
        connection.autocommit = False
    except psycopg.OperationalError as gone:
        raise InvalidatePoolError from gone


def _is_quiet(connection: psycopg.Connection) -> bool:
    """Return whether nothing has come from the server that was not asked for: its end comes as such."""
    socket = select.poll()
    socket.register(connection.fileno(), select.POLLIN)
    return not connection.closed and not socket.poll(0)


def _within(steps: Generator[Any, Any, T], limit_s: float, outage: Outage) -> Generator[Any, Any, T]:
    """Pass a connection's steps on until the limit; psycopg resumes them ten times a second when nothing happens."""
    until_s = time.monotonic() + limit_s
    try:
        wanted = next(steps)
        while True:
            ready = yield wanted
            if not ready and time.monotonic() >= until_s:
                outage.begin()
                raise ConnectionTimeout("the server does not answer")
            wanted = steps.send(ready)
    except StopIteration as ended:
        return ended.value
