"""The workers that exist: who they are, when they were last seen, what they can do."""

import os
import socket
import threading
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa

from appliance.jobs.documents import Capabilities
from appliance.jobs.items import FAMILIES
from appliance.storage.database import Database
from appliance.storage.tables import workers

SEEN_WITHIN_S = 15.0
"""A worker that has not been seen for this long counts as gone; it reports every few seconds."""
LOOK_EVERY_S = 0.5
"""How old an API process's knowledge of what workers can do may be."""


class WorkerRegistry:
    """One worker's entry, kept up by that worker."""

    def __init__(self, database: Database, worker_id: str) -> None:
        """Report to this database under this id."""
        self._database = database
        self._worker_id = worker_id
        self._entry: dict[str, Any] | None = None

    def announce(self, capabilities: Capabilities, families: Collection[str], slots: int = 1) -> None:
        """Enter this process as a living worker: what it can do, the families it takes, how many batches at once."""
        with self._database.write() as connection:
            now_s = self._database.now_s(connection)
            connection.execute(sa.delete(workers).where(workers.c.id == self._worker_id))
            entry = {
                "id": self._worker_id, "host": this_host(), "pid": os.getpid(), "started_s": now_s, "proven_s": None,
                "capabilities": msgspec.to_builtins(capabilities), "families": sorted(families),
                "slots": slots,
            }  # fmt: skip
            connection.execute(sa.insert(workers).values(**entry, seen_s=now_s))
        self._entry = entry

    def changed(self, capabilities: Capabilities) -> None:
        """Note what this worker can do from now on."""
        columns = {"capabilities": msgspec.to_builtins(capabilities)}
        with self._database.write() as connection:
            connection.execute(self._own().values(**columns))
        if self._entry is not None:
            self._entry |= columns

    def seen(self) -> None:
        """Note that this worker lives; where its entry is gone, as after a database was restored, enter it again."""
        with self._database.write() as connection:
            now_s = self._database.now_s(connection)
            if connection.execute(self._own().values(seen_s=now_s)).rowcount == 0 and self._entry is not None:
                connection.execute(sa.insert(workers).values(**self._entry, seen_s=now_s))

    def gone(self) -> None:
        """Note that this worker ends on its own accord: it counts as living no longer."""
        self._entry = None
        with self._database.write() as connection:
            connection.execute(self._own().values(seen_s=0.0))

    def proven(self) -> None:
        """Note that this worker has spoken a real utterance since it started."""
        with self._database.write() as connection:
            now_s = self._database.now_s(connection)
            connection.execute(self._own().where(workers.c.proven_s.is_(None)).values(proven_s=now_s))
        if self._entry is not None:
            self._entry |= {"proven_s": now_s}

    def _own(self) -> sa.Update:
        return sa.update(workers).where(workers.c.id == self._worker_id)


class CapabilityReader:
    """What the API may know about the workers."""

    def __init__(self, database: Database, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        """Read from this database."""
        self._database = database
        self._monotonic_s = monotonic_s
        self._lock = threading.Lock()
        self._current: tuple[float, Capabilities] | None = None

    def current(self) -> Capabilities | None:
        """Return the capabilities of the worker that started last, alive or not; None when none ever was.

        As they were at most half a second ago: every upload asks several times, and decoding them takes longer than
        all else that it asks.
        """
        with self._lock:
            at_s = self._monotonic_s()
            if self._current is not None and at_s - self._current[0] < LOOK_EVERY_S:
                return self._current[1]
            able = self._read()
            self._current = None if able is None else (at_s, able)
            return able

    def _read(self) -> Capabilities | None:
        with self._database.read() as connection:
            row = connection.execute(
                sa.select(workers.c.capabilities).order_by(workers.c.started_s.desc()).limit(1)
            ).first()
        return msgspec.convert(row.capabilities, Capabilities) if row else None

    def living(self) -> int:
        """Return how many workers were seen lately."""
        return self._count(sa.true())

    def families(self) -> dict[str, frozenset[str]]:
        """Return the families of work that each worker seen lately takes, by worker id."""
        with self._database.read() as connection:
            since_s = self._database.now_s(connection) - SEEN_WITHIN_S
            rows = connection.execute(sa.select(workers.c.id, workers.c.families).where(workers.c.seen_s >= since_s))
            return {row.id: frozenset(row.families) for row in rows}

    def unserved(self) -> list[str]:
        """Return the families of work that no worker seen lately takes; one that drains takes none."""
        with self._database.read() as connection:
            since_s = self._database.now_s(connection) - SEEN_WITHIN_S
            return unserved_families(connection, since_s)

    def proven(self) -> bool:
        """Return whether a worker seen lately has spoken a real utterance since it started."""
        return self._count(workers.c.proven_s.is_not(None)) > 0

    def _count(self, which: sa.ColumnElement[bool]) -> int:
        with self._database.read() as connection:
            since_s = self._database.now_s(connection) - SEEN_WITHIN_S
            return (
                connection.scalar(
                    sa.select(sa.func.count()).select_from(workers).where(workers.c.seen_s >= since_s, which)
                )
                or 0
            )


def unserved_families(connection: sa.Connection, since_s: float) -> list[str]:
    """Return the families of work that no worker takes that was seen since then."""
    taking = sa.select(workers.c.families).where(workers.c.seen_s >= since_s, workers.c.draining_s.is_(None))
    taken = frozenset[str]().union(*connection.scalars(taking))
    return [family for family in FAMILIES if family not in taken]


def dead_on_this_host(connection: sa.Connection) -> list[str]:
    """Return the ids of workers registered on this host whose process no longer exists."""
    rows = connection.execute(sa.select(workers.c.id, workers.c.pid).where(workers.c.host == this_host()))
    return [row.id for row in rows if not process_exists(row.pid)]


def no_longer_living(connection: sa.Connection, worker_ids: Collection[str]) -> None:
    """Let workers whose end is known count as living no longer, like those that ended on their own accord.

    So what is silent without anybody knowing why stands out.
    """
    living = sa.update(workers).where(workers.c.id.in_(worker_ids), workers.c.seen_s > 0.0)
    connection.execute(living.values(seen_s=0.0))


def this_host() -> str:
    """Return a name for the place whose process ids this process sees: containers may share a host name."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    processes = Path("/proc/self/ns/pid")
    started = boot.read_text().strip()[:8] if boot.exists() else ""
    return f"{socket.gethostname()[:80]}:{started}:{processes.readlink().name if processes.is_symlink() else ''}"


def process_exists(pid: int) -> bool:
    """Return whether this host runs a process with this id, whoever's it is."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def forget_workers(connection: sa.Connection, unseen_since_s: float) -> int:
    """Remove old entries and return how many; the newest stays, for the API to answer from while a worker restarts."""
    newest = sa.select(sa.func.max(workers.c.started_s)).scalar_subquery()
    old = sa.delete(workers).where(workers.c.seen_s < unseen_since_s, workers.c.started_s < newest)
    return connection.execute(old).rowcount
