"""What a console saw, kept as lines of JSON, and shown again: for incidents, for demonstrations, for tests.

A line is `{"at_s": seconds since the recording began, "kind": ..., "value": ...}`. Pictures and outages play by their
times; pages and jobs answer the questions that they answered when they were recorded. No line holds a key.
"""

import json
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import msgspec

from appliance.admin import schema
from tui.actions import Action
from tui.clock import Clock
from tui.source import LaneQuery, Outage, Refused, Source, SourceError
from tui.wire import OtherVersion, Unreadable, decoded

T = TypeVar("T")


class RecordingUnreadable(Exception):
    """The file is not a recording of a console; the text says where it is not."""


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
        return self._kept(_page("jobs", query), await self._source.jobs(query))

    async def dead_letters(self, query: LaneQuery) -> schema.DeadLettersPage:
        """Pass it on."""
        return self._kept(_page("dead_letters", query), await self._source.dead_letters(query))

    async def job(self, job_id: str) -> schema.JobDetail:
        """Pass it on."""
        return self._kept(f"job {job_id}", await self._source.job(job_id))

    async def history(self, window_s: float, series: tuple[str, ...] = ()) -> schema.History:
        """Pass it on."""
        return self._kept(_history(window_s, series), await self._source.history(window_s, series))

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
        at_s = round(self._clock.monotonic_s() - self._began_s, 3)
        self._file.write(msgspec.json.encode({"at_s": at_s, "kind": kind, "value": value}) + b"\n")
        # A recording of an incident is worth most up to the moment in which the console was killed.
        self._file.flush()


class RecordedSource:
    """Implements Source from a recording; nothing can be done to it."""

    read_only = True

    def __init__(self, lines: Iterable[Line], name: str, clock: Clock) -> None:
        """Take the lines, what to show as the place, and the clock to play by."""
        self.name = name
        self._clock = clock
        self._lines = list(lines)

    async def follow(self) -> AsyncIterator[schema.Snapshot | Outage]:
        """Yield pictures and outages at their times, then stay at the last one."""
        played_s = 0.0
        for line in self._lines:
            if line.kind not in ("snapshot", "outage"):
                continue
            if line.at_s > played_s:
                await self._clock.sleep_s(line.at_s - played_s)
                played_s = line.at_s
            yield _picture(line)
        yield Outage("offline", "The recording is over.")
        while True:
            await self._clock.sleep_s(3600.0)

    def hurry(self) -> None:
        """A recording goes at its own pace."""

    async def me(self) -> schema.Me:
        """Return who it was recorded for."""
        return self._find("me", schema.Me)

    async def jobs(self, query: LaneQuery) -> schema.JobsPage:
        """Return the page as it was last recorded."""
        return self._find(_page("jobs", query), schema.JobsPage)

    async def dead_letters(self, query: LaneQuery) -> schema.DeadLettersPage:
        """Return the page as it was last recorded."""
        return self._find(_page("dead_letters", query), schema.DeadLettersPage)

    async def job(self, job_id: str) -> schema.JobDetail:
        """Return the job as it was last recorded."""
        return self._find(f"job {job_id}", schema.JobDetail)

    async def history(self, window_s: float, series: tuple[str, ...] = ()) -> schema.History:
        """Return the series as it was last recorded."""
        return self._find(_history(window_s, series), schema.History)

    async def audit(self) -> schema.AuditPage:
        """Return the audit as it was last recorded."""
        return self._find("audit", schema.AuditPage)

    async def act(self, action: Action) -> schema.ActionAnswer:
        """Refuse."""
        raise Refused("This is a recording; nothing can be done to it.")

    async def close(self) -> None:
        """Hold nothing open."""

    def _find(self, kind: str, as_type: type[T]) -> T:
        for line in reversed(self._lines):
            if line.kind == kind:
                return decoded(bytes(line.value), as_type)
        raise SourceError("This was not looked at while the recording was made.")


def read_recording(file: Path) -> Iterator[Line]:
    """Yield the lines of a recording; RecordingUnreadable where one is none."""
    with file.open("rb") as stream:
        for number, text in enumerate(stream, start=1):
            try:
                line = msgspec.json.decode(text, type=Line)
                if line.kind in ("snapshot", "outage"):
                    _picture(line)
            except (msgspec.DecodeError, Unreadable, OtherVersion) as failure:
                # The console that wrote it may have been killed in the middle of its last line.
                if not text.endswith(b"\n"):
                    return
                raise RecordingUnreadable(f"{file}: line {number} is none of a recording: {failure}") from failure
            yield line


def _picture(line: Line) -> schema.Snapshot | Outage:
    if line.kind == "outage":
        return decoded(bytes(line.value), Outage)
    return decoded(bytes(line.value), schema.Snapshot)


def _page(kind: str, query: LaneQuery) -> str:
    return f"{kind} " + json.dumps([query.stage, query.priority, query.cursor])


def _history(window_s: float, series: tuple[str, ...]) -> str:
    return "history " + json.dumps([window_s, *series])
