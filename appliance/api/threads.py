"""Where blocking calls run, so that the event loop never waits: a few threads for each kind of call.

Apart from each other, because who waits behind the others waits longest when it matters: an operator who acts against
an overload, or watches one, must not stand in its queue.
"""

from collections.abc import Callable
from typing import TypeVar, TypeVarTuple, Unpack

import anyio
from anyio import CapacityLimiter
from anyio.to_thread import run_sync

from appliance.api.turns import Turns
from appliance.owner import Owner

_T = TypeVar("_T")
_Arguments = TypeVarTuple("_Arguments")

SHORT_THREADS = 8
"""SQLite has one writer and PostgreSQL's pool fifteen connections; more threads would only wait inside the driver."""
DECODE_THREADS = 16
"""Most of these wait for a free decoder child; threads of their own keep cache hits out of that queue."""
WATCH_THREADS = 1
"""Snapshots are made one at a time, for everybody."""
OPERATE_THREADS = 2
"""Keys of operators, what they look up of one thing, what they do: milliseconds each, and few at a time."""
RETRY_THREADS = 1
"""A retry of 500 dead letters takes seconds, and 45 at most; operators do other things meanwhile."""
PAGES_THREADS = 1
"""To count the 10,000 items of a lane takes a hundredth of a second and, beside an overload, several."""
PAGES_WAITING = 20
"""Questions for pages, of as many keys, that may wait for the one in work."""
FIGURES_THREADS = 1
"""To add up months takes up to a second of processor: one at a time leaves the rest to everybody else."""
FIGURES_WAITING = 4
"""Questions for figures, of as many keys, that may wait for the one in work; the next is told to come back."""


class Threads:
    """Bounded numbers of threads, by what they are for."""

    def __init__(self) -> None:
        """Bound them; threads start when they are needed."""
        self._short = CapacityLimiter(SHORT_THREADS)
        self._decode = CapacityLimiter(DECODE_THREADS)
        self._watch = CapacityLimiter(WATCH_THREADS)
        self._operate = CapacityLimiter(OPERATE_THREADS)
        self._retry = CapacityLimiter(RETRY_THREADS)
        self._pages = Turns(PAGES_THREADS, PAGES_WAITING, "pages")
        self._figures = Turns(FIGURES_THREADS, FIGURES_WAITING, "figures over time")

    async def short(self, call: Callable[[Unpack[_Arguments]], _T], *arguments: *_Arguments) -> _T:
        """Return what a call of milliseconds returns: database, object store, hashing."""
        return await run_sync(call, *arguments, limiter=self._short)

    async def decode(self, call: Callable[[Unpack[_Arguments]], _T], *arguments: *_Arguments) -> _T:
        """Return what a call of seconds returns."""
        return await run_sync(call, *arguments, limiter=self._decode)

    async def watch(self, call: Callable[[Unpack[_Arguments]], _T], *arguments: *_Arguments) -> _T:
        """Return what a look at the whole appliance returns, of milliseconds or, where a part is away, seconds."""
        return await run_sync(call, *arguments, limiter=self._watch)

    async def operate(self, call: Callable[[Unpack[_Arguments]], _T], *arguments: *_Arguments) -> _T:
        """Return what a call of milliseconds for an operator returns."""
        return await run_sync(call, *arguments, limiter=self._operate)

    async def retry(self, call: Callable[[Unpack[_Arguments]], _T], *arguments: *_Arguments) -> _T:
        """Return what a retry of dead letters returns, after those before it."""
        return await run_sync(call, *arguments, limiter=self._retry)

    async def pages(self, who: Owner, call: Callable[[Unpack[_Arguments]], _T], *arguments: *_Arguments) -> _T:
        """Return what somebody's question for a page of many rows returns; Overloaded where some wait already."""
        return await self._pages.run(who, call, *arguments)

    async def figures(self, who: Owner, call: Callable[[Unpack[_Arguments]], _T], *arguments: *_Arguments) -> _T:
        """Return what somebody's question for figures over time returns; Overloaded where some wait already."""
        return await self._figures.run(who, call, *arguments)


async def sleep(seconds: float) -> None:
    """Let the event loop do other things for a while."""
    await anyio.sleep(seconds)
