"""A day as a console records it, in which everything that can move moves, played without waiting."""

import asyncio
import gc
import resource
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from appliance.admin import schema
from tests.tui import scenes
from tests.tui.clock import StoppedClock
from tui.app import Console
from tui.glyphs import UNICODE
from tui.replay import RecordedSource

PICTURES = 43_200
"""Of a day at one in two seconds."""
REDRAWN_S = 30.0
"""As after `+`: of a day that plays in minutes, each picture is read and taken, and every twelfth is drawn."""


class NoWait(StoppedClock):
    """Moves on at once and keeps nothing of it."""

    async def sleep_s(self, seconds: float) -> None:
        self.advance(seconds)
        await asyncio.sleep(0)


def picture(number: int) -> schema.Snapshot:
    """Return a picture in which everything that can move has moved."""
    base = scenes.eight_gpus()
    lanes = tuple(
        scenes.lane(
            stage, priority, depth=(number * 7 + index) % 90, running=number % 4, oldest_wait_s=float(number % 30),
            oldest_of_sla=(number % 30) / 20, sla_s=20.0, attainment=0.97,
        )
        for index, (stage, priority) in enumerate((s, p) for s in schema.STAGES for p in schema.PRIORITIES)
    )  # fmt: skip
    gpus = tuple(scenes.gpu(index, (number * 13 + index * 7) % 100 / 100) for index in range(8))
    workers = tuple(
        scenes.worker(
            f"gpu{index % 8}-w{index}", "busy", "voice", schema.Batch(key="hear:short", items=8, age_s=number % 9)
        )
        for index in range(16)
    )
    return scenes.snapshot(
        sequence=number, lanes=lanes, gpus=gpus, workers=workers, events=scenes.degraded().events, latency=base.latency
    )


def write_day(file: Path) -> None:
    """Write a recorded day: a picture in two seconds, an answer in every tenth."""
    lines = [msgspec.json.encode(picture(number)) for number in range(90)]
    page = msgspec.json.encode(scenes.audit_page())
    me = msgspec.json.encode(schema.Me(name="anna", role="operator", key_id="k"))
    with file.open("wb") as stream:
        for number in range(PICTURES):
            at_s = 2 * number
            stream.write(b'{"at_s":%d,"kind":"snapshot","value":%s}\n' % (at_s, lines[number % len(lines)]))
            if number % 10 == 0:
                kind, value = (b"audit", page) if number else (b"me", me)
                stream.write(b'{"at_s":%d,"kind":"%s","value":%s}\n' % (at_s, kind, value))


async def resident_as_it_plays(file: Path) -> AsyncIterator[tuple[int, int]]:
    """Play a recorded day in a console; yield each tenth that has played, with the bytes that are resident then."""
    clock, size_bytes, tenth = NoWait(), file.stat().st_size, 0
    source = RecordedSource(file, clock)
    app = Console(source, clock, UNICODE, interval_s=REDRAWN_S)
    async with app.run_test(size=(120, 40)):
        while app.view.outage is None:
            await asyncio.sleep(0.05)
            if int(10 * source._played_bytes / size_bytes) > tenth:
                tenth += 1
                yield tenth, resident_bytes()
    assert app.view.outage.reason == "The recording is over."


def resident_bytes() -> int:
    """Return what of this process is in memory, after what nobody needs was let go."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
