"""What a console saw, kept as lines of JSON: for incidents, for demonstrations, for tests.

A line is `{"at_s": seconds since the recording began, "kind": ..., "value": ...}`. Pictures and outages play by their
times; pages and jobs answer the questions that they answered when they were recorded. No line holds a key.
"""

import errno
import json
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import msgspec

from appliance.admin import schema
from tui.actions import Action
from tui.clock import Clock
from tui.source import LaneQuery, Outage, Source

PICTURES = ("snapshot", "outage")
"""Kinds of lines that play; the others answer questions."""
T = TypeVar("T")


class Line(msgspec.Struct, frozen=True):
    """One line of a recording."""

    at_s: float
    kind: str
    value: msgspec.Raw


class Recorder:
    """Implements Source: passes every question on and keeps every answer."""

    def __init__(self, source: Source, file: BinaryIO, clock: Clock) -> None:
        """Take whom to ask, and a file to write to that somebody else closes."""
        self.name = source.name
        self.read_only = source.read_only
        self.plays = source.plays
        self.tell: Callable[[str], None] = lambda sentence: None
        """What takes the sentence on why nothing more is recorded, once."""
        self._broken = False
        self._source = source
        self._file = file
        self._clock = clock
        self._began_s = clock.monotonic_s()

    async def follow(self) -> AsyncIterator[schema.Snapshot | Outage]:
        """Pass pictures and outages on."""
        async for news in self._source.follow():
            if isinstance(news, Outage):
                self._keep("outage", asdict(news))
            else:
                self._keep("snapshot", news)
            yield news

    def hurry(self) -> None:
        """Pass it on."""
        self._source.hurry()

    async def me(self) -> schema.Me:
        """Pass it on."""
        return self._kept("me", await self._source.me())

    async def jobs(self, query: LaneQuery) -> schema.JobsPage:
        """Pass it on."""
        return self._kept(page_of("jobs", query), await self._source.jobs(query))

    async def dead_letters(self, query: LaneQuery) -> schema.DeadLettersPage:
        """Pass it on."""
        return self._kept(page_of("dead_letters", query), await self._source.dead_letters(query))

    async def job(self, job_id: str) -> schema.JobDetail:
        """Pass it on."""
        return self._kept(f"job {job_id}", await self._source.job(job_id))

    async def history(self, window_s: float, series: tuple[str, ...] = ()) -> schema.History:
        """Pass it on."""
        return self._kept(history_of(window_s, series), await self._source.history(window_s, series))

    async def quality(self, window_s: float) -> schema.Quality:
        """Pass it on."""
        return self._kept(quality_of(window_s), await self._source.quality(window_s))

    async def audit(self) -> schema.AuditPage:
        """Pass it on."""
        return self._kept("audit", await self._source.audit())

    async def act(self, action: Action) -> schema.ActionAnswer:
        """Pass it on; what was done is kept by the appliance's audit."""
        return await self._source.act(action)

    async def close(self) -> None:
        """Pass it on."""
        await self._source.close()

    def _kept(self, kind: str, value: T) -> T:
        self._keep(kind, value)
        return value

    def _keep(self, kind: str, value: Any) -> None:
        """Write a line; where the disk takes none, say so and go on without: looking is worth more than recording."""
        if self._broken:
            return
        at_s = round(self._clock.monotonic_s() - self._began_s, 3)
        line = msgspec.json.encode({"at_s": at_s, "kind": kind, "value": value}) + b"\n"
        try:
            if self._file.write(line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            # A recording of an incident is worth most up to the moment in which the console was killed.
            self._file.flush()
        except OSError as failure:
            self._broken = True
            self.tell(f"Nothing more is recorded: {failure.strerror or failure}.")


@contextmanager
def new_recording(path: Path) -> Iterator[BinaryIO]:
    """Yield a new file that its owner alone reads, for it tells who did what; OSError where there is one already.

    A second recording in one file would begin at nought again.
    """
    # Without a buffer: what could not be written is not tried again at the end.
    with open(path, "xb", buffering=0, opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        yield file


def page_of(kind: str, query: LaneQuery) -> str:
    """Return the kind of a line that holds a page of a lane."""
    return f"{kind} " + json.dumps([query.stage, query.priority, query.cursor])


def history_of(window_s: float, series: tuple[str, ...]) -> str:
    """Return the kind of a line that holds series over a window."""
    return "history " + json.dumps([window_s, *series])


def quality_of(window_s: float) -> str:
    """Return the kind of a line that holds the quality of a window."""
    return "quality " + json.dumps(window_s)
