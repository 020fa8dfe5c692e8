"""Where blocking calls run, so that the event loop never waits: lanes for the database, for decoding, for watching."""

from collections.abc import Callable
from typing import TypeVar, TypeVarTuple, Unpack

import anyio
from anyio import CapacityLimiter
from anyio.to_thread import run_sync

_T = TypeVar("_T")
_Arguments = TypeVarTuple("_Arguments")

SHORT_THREADS = 8
"""SQLite has one writer and PostgreSQL's pool fifteen connections; more threads would only wait inside the driver."""
DECODE_THREADS = 16
"""Most of these wait for a free decoder child; a lane of their own keeps cache hits out of that queue."""
WATCH_THREADS = 1
"""Snapshots are made one at a time. Apart from the others: who watches must see an overload, and not wait in it."""


class Threads:
    """Bounded lanes of worker threads."""

    def __init__(self) -> None:
        """Bound the lanes; threads start when they are needed."""
        self._short = CapacityLimiter(SHORT_THREADS)
        self._decode = CapacityLimiter(DECODE_THREADS)
        self._watch = CapacityLimiter(WATCH_THREADS)

    async def short(self, call: Callable[[Unpack[_Arguments]], _T], *arguments: *_Arguments) -> _T:
        """Return what a call of milliseconds returns: database, object store, hashing."""
        return await run_sync(call, *arguments, limiter=self._short)

    async def decode(self, call: Callable[[Unpack[_Arguments]], _T], *arguments: *_Arguments) -> _T:
        """Return what a call of seconds returns."""
        return await run_sync(call, *arguments, limiter=self._decode)

    async def watch(self, call: Callable[[Unpack[_Arguments]], _T], *arguments: *_Arguments) -> _T:
        """Return what a look at the whole appliance returns, of milliseconds or, where a part is away, seconds."""
        return await run_sync(call, *arguments, limiter=self._watch)


async def sleep(seconds: float) -> None:
    """Let the event loop do other things for a while."""
    await anyio.sleep(seconds)
