"""A recording of a console, shown again: read line by line as it plays, so that a day of it needs no more than an hour.

What was looked at while it was recorded can be looked at again, as it was at the moment that plays.
"""

import asyncio
import threading
from array import array
from bisect import bisect_left
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO, TypeVar

import msgspec

from appliance.admin import schema
from tui.actions import Action
from tui.clock import Clock
from tui.recording import PICTURES, Line, history_of, page_of, quality_of
from tui.source import LaneQuery, Outage, Refused, SourceError
from tui.sse import LONGEST_EVENT_BYTES
from tui.wire import OtherVersion, Unreadable, decoded

LONGEST_LINE_BYTES = LONGEST_EVENT_BYTES + 1024
T = TypeVar("T")


class RecordingUnreadable(Exception):
    """The file is not a recording of a console; the text says where it is not."""


class RecordedSource:
    """Implements Source from a recording; nothing can be done to it."""

    read_only = True
    plays = True

    def __init__(self, file: Path, clock: Clock) -> None:
        """Take the file, whose name is shown as the place, and the clock to play by.

        RecordingUnreadable where its first line is none of a recording; a later one that is none ends it there.
        """
        self.name = file.name
        self._file = file
        self._clock = clock
        self._answers = _Answers(file)
        self._played_bytes = 0
        with file.open("rb") as stream:
            if _line(stream, 1) is None:
                raise RecordingUnreadable("it has no whole line.")

    async def follow(self) -> AsyncIterator[schema.Snapshot | Outage]:
        """Yield pictures and outages at their times, then stay at the last one."""
        played_s, number = 0.0, 0
        with self._file.open("rb") as stream:
            while True:
                number += 1
                try:
                    line = _line(stream, number)
                except RecordingUnreadable as failure:
                    yield Outage("offline", f"The recording ends here: {failure}")
                    break
                if line is None:
                    yield Outage("offline", "The recording is over.")
                    break
                self._played_bytes = stream.tell()
                if line.kind not in PICTURES:
                    continue
                if line.at_s > played_s:
                    await self._clock.sleep_s(line.at_s - played_s)
                # Of a file that two recordings were put into, the second begins at nought again.
                played_s = line.at_s
                yield _news(line)
        while True:
            await self._clock.sleep_s(3600.0)

    def hurry(self) -> None:
        """A recording goes at its own pace."""

    async def me(self) -> schema.Me:
        """Return who it was recorded for."""
        return await self._find("me", schema.Me)

    async def jobs(self, query: LaneQuery) -> schema.JobsPage:
        """Return the page as it was recorded."""
        return await self._find(page_of("jobs", query), schema.JobsPage)

    async def dead_letters(self, query: LaneQuery) -> schema.DeadLettersPage:
        """Return the page as it was recorded."""
        return await self._find(page_of("dead_letters", query), schema.DeadLettersPage)

    async def job(self, job_id: str) -> schema.JobDetail:
        """Return the job as it was recorded."""
        return await self._find(f"job {job_id}", schema.JobDetail)

    async def history(self, window_s: float, series: tuple[str, ...] = ()) -> schema.History:
        """Return the series as it was recorded."""
        return await self._find(history_of(window_s, series), schema.History)

    async def quality(self, window_s: float) -> schema.Quality:
        """Return the quality of a window as it was recorded."""
        return await self._find(quality_of(window_s), schema.Quality)

    async def audit(self) -> schema.AuditPage:
        """Return the audit as it was recorded."""
        return await self._find("audit", schema.AuditPage)

    async def act(self, action: Action) -> schema.ActionAnswer:
        """Refuse."""
        raise Refused("This is a recording; nothing can be done to it.")

    async def close(self) -> None:
        """Hold nothing open."""

    async def _find(self, kind: str, as_type: type[T]) -> T:
        """Return the answer of the moment that plays, or where there was none yet the first one after it."""
        # In a thread: a question that was never asked is only known to be one at the end of the file.
        line = await asyncio.to_thread(self._answers.nearest, kind, self._played_bytes)
        if line is None:
            raise SourceError("This was not looked at while the recording was made.")
        try:
            return decoded(bytes(line.value), as_type)
        except Unreadable as failure:
            raise SourceError("What was recorded is not an answer that this console can read.") from failure


class _Answers:
    """Where the answers to each question stand in the file, as far as it was read: eight bytes for each."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._places: dict[str, array[int]] = {}
        self._read_bytes = 0
        self._over = False
        self._lock = threading.Lock()

    def nearest(self, kind: str, played_bytes: int) -> Line | None:
        """Return the last line of a kind before a place of the file, else the first one after, else None."""
        with self._lock, self._file.open("rb") as stream:
            stream.seek(self._read_bytes)
            while not self._over and (self._read_bytes < played_bytes or kind not in self._places):
                self._read_on(stream)
            places = self._places.get(kind)
            if places is None:
                return None
            stream.seek(places[max(0, bisect_left(places, played_bytes) - 1)])
            return msgspec.json.decode(stream.readline(), type=Line)

    def _read_on(self, stream: BinaryIO) -> None:
        try:
            line = _line(stream, 0)
        except RecordingUnreadable:
            line = None
        if line is None:
            self._over = True
            return
        if line.kind not in PICTURES:
            self._places.setdefault(line.kind, array("Q")).append(self._read_bytes)
        self._read_bytes = stream.tell()


def _line(stream: BinaryIO, number: int) -> Line | None:
    """Return the next line, None at the end; RecordingUnreadable, with the line's number, where it is none."""
    text = stream.readline(LONGEST_LINE_BYTES)
    # The console that wrote it may have been killed in the middle of its last line.
    if not text.endswith(b"\n") and len(text) < LONGEST_LINE_BYTES:
        return None
    try:
        return msgspec.json.decode(text, type=Line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as failure:
        raise RecordingUnreadable(f"line {number} is none of a recording: {failure}.") from failure


def _news(line: Line) -> schema.Snapshot | Outage:
    try:
        return decoded(bytes(line.value), Outage if line.kind == "outage" else schema.Snapshot)
    except OtherVersion as failure:
        return Outage("incompatible", str(failure))
    except Unreadable:
        return Outage("offline", "The recorded picture is not one that this console can read.")
