"""A day of replay needs the memory of its first hours."""

import asyncio

import pytest

from tests.tui.made_day import resident_as_it_plays, write_day

GROWS_AT_MOST_BYTES = 4_000_000
"""From the first tenth of a day to its end: less than a hundred bytes for each of its pictures."""


@pytest.mark.full
def test_a_day_of_replay_does_not_grow(tmp_path):
    file = tmp_path / "day.jsonl"
    write_day(file)

    async def play() -> dict[int, int]:
        return {tenth: resident async for tenth, resident in resident_as_it_plays(file)}

    resident = asyncio.run(play())
    file.unlink()

    assert set(resident) >= {1, 9}
    assert max(resident.values()) < resident[1] + GROWS_AT_MOST_BYTES, resident
