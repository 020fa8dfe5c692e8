"""A recording plays what was seen, in its own time; nothing can be done to it, and a killed console spoils none."""

import asyncio
import json
import tracemalloc

import msgspec
import pytest

from tests.tui import quality_scenes, scenes
from tests.tui.clock import StoppedClock
from tests.tui.live import shows
from tests.tui.picture_text import running
from tests.tui.recorded import DAY_S, GONE, QUERY, recorded
from tui.acting import pause_or_resume
from tui.replay import LONGEST_LINE_BYTES, RecordedSource, RecordingUnreadable
from tui.source import LaneQuery, Outage, Refused, SourceError

OVER = Outage("offline", "The recording is over.")


def source_of(tmp_path, text: bytes, clock: StoppedClock | None = None) -> RecordedSource:
    file = tmp_path / "seen.jsonl"
    file.write_bytes(text)
    return RecordedSource(file, clock or StoppedClock())


def played(source: RecordedSource, number: int) -> list[object]:
    """Return the first news."""

    async def play() -> list[object]:
        following = source.follow()
        news = [await anext(following) for _ in range(number)]
        await following.aclose()
        return news

    return asyncio.run(play())


def test_pictures_and_outages_come_as_they_came_and_then_the_recording_is_over(tmp_path):
    clock = StoppedClock()

    assert played(source_of(tmp_path, recorded(), clock), 4) == [scenes.calm(), GONE, scenes.degraded(), OVER]
    assert clock.slept_s == [3.5, 30.0]


def test_of_two_recordings_in_one_file_the_second_plays_in_its_own_time(tmp_path):
    clock = StoppedClock()

    played(source_of(tmp_path, recorded() + recorded(), clock), 6)
    assert clock.slept_s == [3.5, 30.0, 3.5, 30.0]


def test_a_recording_of_yesterday_is_drawn_as_it_was_and_no_clock_is_called_wrong(tmp_path):
    class Waiting(StoppedClock):
        async def sleep_s(self, seconds: float) -> None:
            await asyncio.Event().wait()

    source = source_of(tmp_path, recorded(), Waiting(scenes.NOW_S + DAY_S))

    async def watch() -> None:
        async with running(source, clock=StoppedClock(scenes.NOW_S + DAY_S)) as (app, pilot):
            # Answers are looked for in a thread.
            lines = (await shows(app, "anna (operator)")).splitlines()
            assert lines[0].startswith(" ● live 0s │ seen.jsonl │ anna (operator) │ read-only │ up")
            assert lines[0].endswith("08:00:00")
            assert any(line.startswith("›hear.p0 ") for line in lines)
            await pilot.press("2", "enter")
            await shows(app, "job-0001")

    asyncio.run(watch())


def test_what_was_looked_at_can_be_looked_at_again_and_nothing_else(tmp_path):
    source = source_of(tmp_path, recorded())

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
        with pytest.raises(SourceError, match="not looked at"):
            await source.quality(30 * DAY_S)

    asyncio.run(look())


def test_an_answer_is_that_of_the_moment_that_plays(tmp_path):
    source = source_of(tmp_path, recorded())

    async def look() -> None:
        first, last = quality_scenes.qualities()[DAY_S], scenes.quality()
        assert await source.quality(DAY_S) == first
        following = source.follow()
        for _ in range(3):
            await anext(following)
            assert await source.quality(DAY_S) == first
        assert await anext(following) == OVER
        assert await source.quality(DAY_S) == last
        await following.aclose()

    asyncio.run(look())


def test_nothing_can_be_done_to_a_recording(tmp_path):
    source = source_of(tmp_path, recorded())

    assert source.read_only
    with pytest.raises(Refused):
        asyncio.run(source.act(pause_or_resume(scenes.lane("hear", 0))))


def test_a_last_line_that_was_cut_off_is_left_out(tmp_path):
    lines = recorded().splitlines(keepends=True)
    source = source_of(tmp_path, b"".join(lines[:9])[:-20])

    assert played(source, 3) == [scenes.calm(), GONE, OVER]
    assert asyncio.run(source.me()).name == "anna"


@pytest.mark.parametrize("text", [b"hello\n", b'{"at_s": 1}\n', b"[" * 100_000 + b"\n", b"", b'{"at_s": 1, "ki'])
def test_what_is_no_recording_is_refused_at_once(tmp_path, text):
    with pytest.raises(RecordingUnreadable, match=r"line 1 is none|no whole line"):
        source_of(tmp_path, text)


@pytest.mark.parametrize("line", [b"hello\n", b'{"at_s": 1}\n', b"x" * (LONGEST_LINE_BYTES + 5) + b"\n"])
def test_a_line_that_is_none_ends_the_recording_there_and_says_which(tmp_path, line):
    first = recorded().splitlines(keepends=True)[0]
    source = source_of(tmp_path, first + line + first)

    snapshot, outage = played(source, 2)

    assert snapshot == scenes.calm()
    assert outage.reason.startswith("The recording ends here: line 2 is none of a recording")
    with pytest.raises(SourceError, match="not looked at"):
        asyncio.run(source.me())


def test_a_picture_of_another_version_is_said_to_be_one_and_the_next_is_shown(tmp_path):
    other = b'{"at_s": 0, "kind": "snapshot", "value": {"schema": "9.0"}}\n'
    bad = b'{"at_s": 0, "kind": "snapshot", "value": {"schema": "1.0", "lanes": 3}}\n'
    good = recorded().splitlines(keepends=True)[0]

    first, second, third = played(source_of(tmp_path, other + bad + good), 3)

    assert (first.kind, second.kind) == ("incompatible", "offline")
    assert "9.0" in first.reason
    assert third == scenes.calm()


def test_an_hour_of_pictures_needs_no_more_memory_than_a_minute(tmp_path):
    picture = json.dumps(msgspec.to_builtins(scenes.degraded()))
    file = tmp_path / "long.jsonl"
    with file.open("w") as lines:
        for number in range(1_800):
            lines.write(f'{{"at_s": {2 * number}, "kind": "snapshot", "value": {picture}}}\n')
            lines.write(f'{{"at_s": {2 * number}, "kind": "audit", "value": {{}}}}\n')

    async def peak_bytes(pictures: int) -> int:
        source = RecordedSource(file, StoppedClock())
        following = source.follow()
        tracemalloc.start()
        for _ in range(pictures):
            await anext(following)
        await source.audit()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        await following.aclose()
        return peak

    asyncio.run(peak_bytes(1))
    minute, hour = asyncio.run(peak_bytes(30)), asyncio.run(peak_bytes(1_800))

    assert file.stat().st_size > 10 * hour
    assert hour < minute + 200_000
