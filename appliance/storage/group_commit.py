"""Small writes of many threads in one transaction: on SQLite, each commit waits for the disk, and only one may write.

Whoever comes while a transaction is being committed waits for the next one, together with everybody else who came
meanwhile. So at low load a write is committed at once and alone, and under load a commit carries many. PostgreSQL does
the same by itself, for transactions that go on side by side.
"""

import threading
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Generic, TypeVar

import sqlalchemy as sa

from appliance.errors import StorageUnavailable

_T = TypeVar("_T")
MOST_TOGETHER = 32
"""Bounds how long the first of a group waits for the last."""


class _Entry(Generic[_T]):
    __slots__ = ("done", "error", "value", "write")

    def __init__(self, write: Callable[[sa.Connection], _T]) -> None:
        self.write = write
        self.done = False
        self.value: Any = None
        self.error: Exception | None = None


class GroupCommit:
    """Runs writes in transactions that they may share with other threads' writes."""

    def __init__(self, transaction: Callable[[], AbstractContextManager[sa.Connection]]) -> None:
        """Write in such transactions, each committed at its end."""
        self._transaction = transaction
        self._lock = threading.Lock()
        self._waiting: deque[_Entry[Any]] = deque()
        self._turn = threading.Lock()

    def run(self, write: Callable[[sa.Connection], _T]) -> _T:
        """Return what a write returns, once it is committed; raise what it raises, and then nothing of it is written.

        It may run in another thread, and once more alone where one of its group failed: it must change nothing but
        the database.
        """
        entry = _Entry(write)
        with self._lock:
            self._waiting.append(entry)
        with self._turn:
            while not entry.done:
                self._commit()
        error, entry.error = entry.error, None
        if error is None:
            return entry.value
        try:
            raise error
        finally:
            # The error's traceback holds the frames it went through: with the names, nothing that they hold would go
            # before a garbage collection.
            del error, entry

    def _commit(self) -> None:
        """Commit those that wait, the caller's own among them: the first in the queue are always the oldest."""
        with self._lock:
            group = [self._waiting.popleft() for _ in range(min(MOST_TOGETHER, len(self._waiting)))]
        try:
            with self._transaction() as connection:
                for entry in group:
                    entry.value = entry.write(connection)
        except StorageUnavailable as away:
            # Of the database, not of one write: to try each alone would make the last wait for all of them.
            for entry in group:
                entry.error = StorageUnavailable(away.detail)
        except Exception:  # noqa: BLE001 - whatever one write raises is its own affair; the others are written
            for entry in group:
                self._alone(entry)
        for entry in group:
            entry.done = True

    def _alone(self, entry: _Entry[Any]) -> None:
        try:
            with self._transaction() as connection:
                entry.value = entry.write(connection)
        except Exception as error:  # noqa: BLE001 - raised again in the thread that asked for the write
            entry.error = error
