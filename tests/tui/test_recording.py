"""A recording plays what was seen, in its own time; nothing can be done to it, and a killed console spoils none."""

import asyncio
import io
import json

import pytest

from tests.tui import scenes
from tests.tui.clock import StoppedClock
from tests.tui.scripted_source import ScriptedSource
from tui.acting import pause_or_resume
from tui.recording import RecordedSource, Recorder, RecordingUnreadable, read_recording
from tui.source import LaneQuery, Outage, Refused, SourceError

GONE = Outage("offline", "No connection.", 4.0)
QUERY = LaneQuery("hear", 0)


def recorded() -> bytes:
    """Return what a console saw that looked at one lane and one job while the appliance went and came."""
    clock, file = StoppedClock(), io.BytesIO()
    source = ScriptedSource(scenes.calm(), GONE, scenes.degraded())

    async def record() -> None:
        recorder = Recorder(source, file, clock)
        following = recorder.follow()
        await anext(following)
        await recorder.me()
        await recorder.jobs(QUERY)
        await recorder.job("job-0001")
        await recorder.dead_letters(QUERY)
        await recorder.audit()
        clock.advance(3.5)
        await anext(following)
        clock.advance(30.0)
        await anext(following)
        await recorder.act(pause_or_resume(scenes.lane("hear", 0)))

    asyncio.run(record())
    assert len(source.actions) == 1
    return file.getvalue()


def source_of(tmp_path, text: bytes, clock: StoppedClock) -> RecordedSource:
    file = tmp_path / "seen.jsonl"
    file.write_bytes(text)
    return RecordedSource(read_recording(file), "seen.jsonl", clock)


def test_pictures_and_outages_come_as_they_came_and_then_the_recording_is_over(tmp_path):
    clock = StoppedClock()
    source = source_of(tmp_path, recorded(), clock)

    async def play() -> list[object]:
        following = source.follow()
        return [await anext(following) for _ in range(4)]

    assert asyncio.run(play()) == [scenes.calm(), GONE, scenes.degraded(), Outage("offline", "The recording is over.")]
    assert clock.slept_s == [3.5, 30.0]


def test_what_was_looked_at_can_be_looked_at_again_and_nothing_else(tmp_path):
    source = source_of(tmp_path, recorded(), StoppedClock())

    async def look() -> None:
        assert (await source.me()).name == "anna"
        assert await source.jobs(QUERY) == scenes.jobs_page()
        assert await source.job("job-0001") == scenes.job_detail("job-0001")
        assert await source.dead_letters(QUERY) == scenes.dead_page()
        assert await source.audit() == scenes.audit_page()
        with pytest.raises(SourceError, match="not looked at"):
            await source.jobs(LaneQuery("finish", 2))
        with pytest.raises(SourceError, match="not looked at"):
            await source.history(3600.0)

    asyncio.run(look())


def test_nothing_can_be_done_to_a_recording(tmp_path):
    source = source_of(tmp_path, recorded(), StoppedClock())

    assert source.read_only
    with pytest.raises(Refused):
        asyncio.run(source.act(pause_or_resume(scenes.lane("hear", 0))))


def test_a_last_line_that_was_cut_off_is_left_out(tmp_path):
    file = tmp_path / "seen.jsonl"
    file.write_bytes(recorded()[:-20])

    assert [line.kind for line in read_recording(file)].count("snapshot") == 1


@pytest.mark.parametrize(
    "line",
    [b"hello\n", b'{"at_s": 1}\n', b'{"at_s": 1, "kind": "snapshot", "value": {"schema": "9.0"}}\n'],
    ids=["text", "no kind", "other version"],
)
def test_what_is_no_recording_is_refused_with_the_line(tmp_path, line):
    file = tmp_path / "seen.jsonl"
    file.write_bytes(recorded() + line)
    count = recorded().count(b"\n")

    with pytest.raises(RecordingUnreadable, match=rf"line {count + 1} "):
        list(read_recording(file))


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
