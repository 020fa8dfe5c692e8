"""What the console costs: `measure.py live` and `measure.py day` print processor, memory and time from key to screen.

Ten thousand jobs in a lane, eight GPUs, a picture every two seconds in the console's own time; then a recorded day of
43,200 pictures, played by a clock that does not wait. Figures, no test.
"""

import asyncio
import gc
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

from appliance.admin import schema  # noqa: E402
from tests.tui import scenes  # noqa: E402
from tests.tui.clock import StoppedClock  # noqa: E402
from tests.tui.made_day import PICTURES as DAY_PICTURES  # noqa: E402
from tests.tui.made_day import picture, resident_as_it_plays, resident_bytes, write_day  # noqa: E402
from tests.tui.picture_text import running  # noqa: E402
from tests.tui.scripted_source import ScriptedSource  # noqa: E402
from tui.app import Console  # noqa: E402
from tui.widgets.row_table import RowTable  # noqa: E402

JOBS, PAGE, PICTURES, KEYS = 10_000, 100, 100, 50
INTERVAL_S = 2.0
MEGABYTE = 1e6


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def pages() -> dict[str | None, schema.JobsPage]:
    """Return ten thousand jobs, a hundred a page."""
    starts = range(0, JOBS, PAGE)
    following = {start: str(start + PAGE) if start + PAGE < JOBS else None for start in starts}
    return {str(start) if start else None: scenes.jobs_page(start, PAGE, following[start]) for start in starts}


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


async def day() -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "day.jsonl"
        write_day(file)
        size_bytes, began_s = file.stat().st_size, time.perf_counter()
        say(f"a recorded day: {size_bytes / MEGABYTE:.0f} MB, {resident_bytes() / MEGABYTE:.0f} MB resident before it")
        async for tenth, resident in resident_as_it_plays(file):
            say(f"  {10 * tenth:3d} % played: {resident / MEGABYTE:.1f} MB resident")
        say(f"  {DAY_PICTURES} pictures in {time.perf_counter() - began_s:.0f} s")


def main() -> None:
    what = sys.argv[1:] or ["live", "day"]
    for name in what:
        asyncio.run({"live": live, "day": day}[name]())


main()
