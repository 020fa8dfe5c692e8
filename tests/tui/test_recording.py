"""A recording keeps what was seen, line by line as it comes, and no key."""

import asyncio
import errno
import io
import json

import pytest

from tests.tui import scenes
from tests.tui.clock import StoppedClock
from tests.tui.picture_text import picture, running, settled
from tests.tui.recorded import GONE, QUERY, recorded
from tests.tui.scripted_source import ScriptedSource
from tui.recording import Recorder, new_recording
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


class FullDisk(io.BytesIO):
    """Takes two lines, a picture and who looks at it."""

    def write(self, line: bytes) -> int:
        if self.getvalue().count(b"\n") == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(line)


def test_a_full_disk_is_said_once_and_the_console_goes_on():
    file, source = FullDisk(), ScriptedSource(scenes.degraded())

    async def watch() -> None:
        recorder = Recorder(source, file, StoppedClock())
        async with running(recorder) as (app, pilot):
            recorder.tell = app.warn
            for _ in range(3):
                source.tell(scenes.calm())
                await settled(pilot)
            told = [notice.message for notice in app._notifications]
            assert told == ["Nothing more is recorded: No space left on device."]
            assert "gpu0-w2               ○ idle" in picture(app)

    asyncio.run(watch())
    assert len(file.getvalue().splitlines()) == 2


def test_a_line_that_the_disk_took_a_part_of_is_the_last():
    class Filling(io.BytesIO):
        def write(self, line: bytes) -> int:
            return super().write(line[:30])

    file, told = Filling(), []

    async def record() -> None:
        recorder = Recorder(ScriptedSource(scenes.calm(), scenes.calm()), file, StoppedClock())
        recorder.tell = told.append
        following = recorder.follow()
        assert [await anext(following), await anext(following)] == [scenes.calm()] * 2

    asyncio.run(record())
    assert (len(file.getvalue()), told) == (30, ["Nothing more is recorded: No space left on device."])


def test_a_recording_is_a_new_file_for_its_owner_alone(tmp_path):
    path = tmp_path / "seen.jsonl"
    with new_recording(path) as file:
        file.write(b"x")
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError), new_recording(path):
        pass
    assert path.read_bytes() == b"x"
