"""What the console costs: `measure.py live` and `measure.py day` print processor, memory and time from key to screen.

Ten thousand jobs in a lane, eight GPUs, a picture every two seconds in the console's own time; then a recorded day of
43,200 pictures, played by a clock that does not wait. Figures, no test.
"""

import asyncio
import gc
import resource
import sys
import tempfile
import time
import types
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
# Without pytest, `tests` would be somebody else's package.
sys.modules["tests"] = types.ModuleType("tests")
sys.modules["tests"].__path__ = [str(ROOT / "tests")]

import msgspec  # noqa: E402

from appliance.admin import schema  # noqa: E402
from tests.tui import scenes  # noqa: E402
from tests.tui.clock import StoppedClock  # noqa: E402
from tests.tui.picture_text import running  # noqa: E402
from tests.tui.scripted_source import ScriptedSource  # noqa: E402
from tui.app import Console  # noqa: E402
from tui.glyphs import UNICODE  # noqa: E402
from tui.replay import RecordedSource  # noqa: E402
from tui.widgets.row_table import RowTable  # noqa: E402

JOBS, PAGE, PICTURES, KEYS = 10_000, 100, 100, 50
INTERVAL_S = 2.0
DAY = 43_200
"""Pictures of a day at one in two seconds."""
REDRAWN_S = 30.0
"""As after `+`: of a day that plays in minutes, each picture is read and taken, and every twelfth is drawn."""
MEGABYTE = 1e6


class NoWait(StoppedClock):
    """Moves on at once and keeps nothing of it."""

    async def sleep_s(self, seconds: float) -> None:
        self.advance(seconds)
        await asyncio.sleep(0)


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


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


def pages() -> dict[str | None, schema.JobsPage]:
    """Return ten thousand jobs, a hundred a page."""
    starts = range(0, JOBS, PAGE)
    following = {start: str(start + PAGE) if start + PAGE < JOBS else None for start in starts}
    return {str(start) if start else None: scenes.jobs_page(start, PAGE, following[start]) for start in starts}


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


async def pictures_cost_s(source: ScriptedSource, app: Console) -> float:
    """Return processor seconds per picture."""
    given = [picture(number) for number in range(PICTURES)]
    before = time.process_time()
    for each in given:
        source.tell(each)
        while app.view.newest is not each:
            await asyncio.sleep(0)
        await asyncio.sleep(0.02)
    return (time.process_time() - before) / PICTURES


async def keys_cost_s(app: Console) -> list[tuple[float, float]]:
    """Return seconds of processor and of time from a key until all that it changed is drawn."""
    table = app.screen.query_one(RowTable)
    took = []
    for number in range(KEYS):
        drawn = asyncio.Event()
        before, worked, cursor = time.perf_counter(), time.process_time(), table.cursor
        app.simulate_key("k" if number % 10 else "pageup")
        while table.cursor == cursor:
            await asyncio.sleep(0)
        app.screen.call_after_refresh(drawn.set)
        await drawn.wait()
        took.append((time.process_time() - worked, time.perf_counter() - before))
    return took


async def live() -> None:
    empty = resident_bytes()
    source = ScriptedSource(picture(0))
    source.pages = pages()
    async with running(source, (120, 40), clock=StoppedClock()) as (app, pilot):
        cost_s = await pictures_cost_s(source, app)
        say(f"overview, 8 GPUs, 15 lanes, 16 workers at 120x40: {1000 * cost_s:.1f} ms of processor per picture,")
        say(f"  {100 * cost_s / INTERVAL_S:.1f} % of one core at one picture in {INTERVAL_S:.0f} s")
        await pilot.press("2", "enter")
        await pilot.pause()
        table = app.screen.query_one(RowTable)
        while table.total < JOBS:
            await pilot.press("G")
            await asyncio.sleep(0)
        cost_s = await pictures_cost_s(source, app)
        say(f"a lane with {table.total} jobs read: {1000 * cost_s:.1f} ms of processor per picture,")
        say(f"  {100 * cost_s / INTERVAL_S:.1f} % of one core")
        gc.collect()
        say(f"  {resident_bytes() / MEGABYTE:.0f} MB resident, {empty / MEGABYTE:.0f} before the console")
        worked, took = map(sorted, zip(*await keys_cost_s(app), strict=True))
        say(f"  key to screen over {KEYS} keys: p50 {1000 * took[KEYS // 2]:.0f} ms, worst {1000 * took[-1]:.0f} ms;")
        say(f"  of processor: p50 {1000 * worked[KEYS // 2]:.0f} ms, worst {1000 * worked[-1]:.0f} ms")


def write_day(file: Path) -> None:
    """Write a recorded day: a picture in two seconds, an answer in every tenth."""
    lines = [msgspec.json.encode(picture(number)) for number in range(90)]
    page = msgspec.json.encode(scenes.audit_page())
    me = msgspec.json.encode(schema.Me(name="anna", role="operator", key_id="k"))
    with file.open("wb") as stream:
        for number in range(DAY):
            at_s = 2 * number
            stream.write(b'{"at_s":%d,"kind":"snapshot","value":%s}\n' % (at_s, lines[number % len(lines)]))
            if number % 10 == 0:
                kind, value = (b"audit", page) if number else (b"me", me)
                stream.write(b'{"at_s":%d,"kind":"%s","value":%s}\n' % (at_s, kind, value))


async def replay(app: Console, source: RecordedSource, size_bytes: int) -> None:
    """Print what is resident at each tenth of the day."""
    began_s, shown = time.perf_counter(), 0
    while app.view.outage is None:
        await asyncio.sleep(0.05)
        tenth = int(10 * source._played_bytes / size_bytes)
        if tenth > shown:
            shown = tenth
            say(f"  {10 * tenth:3d} % played: {resident_bytes() / MEGABYTE:.1f} MB resident")
    say(f"  {DAY} pictures in {time.perf_counter() - began_s:.0f} s; then: {app.view.outage.reason}")


async def day() -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "day.jsonl"
        write_day(file)
        size_bytes = file.stat().st_size
        say(f"a recorded day: {size_bytes / MEGABYTE:.0f} MB, {resident_bytes() / MEGABYTE:.0f} MB resident before it")
        clock = NoWait()
        source = RecordedSource(file, clock)
        app = Console(source, clock, UNICODE, interval_s=REDRAWN_S)
        async with app.run_test(size=(120, 40)):
            await replay(app, source, size_bytes)


def main() -> None:
    what = sys.argv[1:] or ["live", "day"]
    for name in what:
        asyncio.run({"live": live, "day": day}[name]())


main()
