"""A recording keeps what was seen, line by line as it comes, and no key."""

import asyncio
import io
import json

import pytest

from tests.tui import scenes
from tests.tui.clock import StoppedClock
from tests.tui.recorded import GONE, QUERY, recorded
from tests.tui.scripted_source import ScriptedSource
from tui.recording import Recorder
from tui.source import SourceError


def test_a_recording_is_written_line_by_line():
    class Slow(io.BytesIO):
        flushed = 0

        def flush(self) -> None:
            self.flushed += 1

    file = Slow()

    async def record() -> None:
        await anext(Recorder(ScriptedSource(scenes.calm()), file, StoppedClock()).follow())

    asyncio.run(record())
    assert file.flushed == 1
    assert json.loads(file.getvalue())["kind"] == "snapshot"


def test_lines_are_kept_in_the_order_of_their_times():
    lines = [json.loads(line) for line in recorded().splitlines()]

    assert [(line["at_s"], line["kind"].split()[0]) for line in lines] == [
        (0.0, "snapshot"), (0.0, "me"), (0.0, "jobs"), (0.0, "job"), (0.0, "dead_letters"), (0.0, "audit"),
        (0.0, "quality"), (3.5, "outage"), (33.5, "snapshot"), (33.5, "quality"),
    ]  # fmt: skip
    assert lines[7]["value"]["reason"] == GONE.reason
    assert QUERY.stage in lines[2]["kind"]


def test_what_could_not_be_answered_is_not_kept():
    file, source = io.BytesIO(), ScriptedSource()
    source.pages = {}

    async def record() -> None:
        with pytest.raises(SourceError, match="Nothing is at that address"):
            await Recorder(source, file, StoppedClock()).jobs(QUERY)

    asyncio.run(record())
    assert file.getvalue() == b""
