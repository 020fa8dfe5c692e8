"""What the console costs: `python tests/tui/measure.py` prints processor, memory and time from key to screen.

Ten thousand jobs in a lane, eight GPUs, a picture every two seconds in the console's own time. Figures, no test.
"""

import asyncio
import gc
import resource
import sys
import time
import types
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
# Without pytest, `tests` would be somebody else's package.
sys.modules["tests"] = types.ModuleType("tests")
sys.modules["tests"].__path__ = [str(ROOT / "tests")]

from textual.pilot import Pilot  # noqa: E402

from appliance.admin import schema  # noqa: E402
from tests.tui import scenes  # noqa: E402
from tests.tui.clock import StoppedClock  # noqa: E402
from tests.tui.picture_text import running  # noqa: E402
from tests.tui.scripted_source import ScriptedSource  # noqa: E402
from tui.app import Console  # noqa: E402
from tui.widgets.row_table import RowTable  # noqa: E402

JOBS, PAGE, PICTURES, KEYS = 10_000, 100, 100, 60
INTERVAL_S = 2.0


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


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


async def pictures_cost_s(source: ScriptedSource, app: Console, pilot: Pilot) -> float:
    """Return processor seconds per picture."""
    given = [picture(number) for number in range(PICTURES)]
    before = time.process_time()
    for each in given:
        source.tell(each)
        while app.view.newest is not each:
            await asyncio.sleep(0)
        await asyncio.sleep(0.02)
    return (time.process_time() - before) / PICTURES


async def keys_cost_s(app: Console, pilot: Pilot) -> list[tuple[float, float]]:
    """Return seconds of processor and of time from a key until all that it changed is drawn, sorted."""
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
    return sorted(took)


async def main() -> None:
    empty = resident_bytes()
    source = ScriptedSource(picture(0))
    source.pages = pages()
    async with running(source, (120, 40), clock=StoppedClock()) as (app, pilot):
        cost_s = await pictures_cost_s(source, app, pilot)
        say(f"overview, 8 GPUs, 15 lanes, 16 workers at 120x40: {1000 * cost_s:.1f} ms of processor per picture,")
        say(f"  {100 * cost_s / INTERVAL_S:.1f} % of one core at one picture in {INTERVAL_S:.0f} s")
        await pilot.press("2", "enter")
        await pilot.pause()
        table = app.screen.query_one(RowTable)
        while table.total < JOBS:
            await pilot.press("G")
            await asyncio.sleep(0)
        gc.collect()
        say(f"{table.total} jobs read: {resident_bytes() / 1e6:.0f} MB resident, {empty / 1e6:.0f} before the console")
        took = await keys_cost_s(app, pilot)
        say(f"key to screen, {table.total} jobs, ms of processor and of time:")
        say(
            "  "
            + ", ".join(
                f"{name} {1000 * a:.1f} and {1000 * b:.1f}"
                for name, (a, b) in (("median", took[KEYS // 2]), ("worst", took[-1]))
            )
        )
        await pilot.press("1")
        gc.collect()
        grown = []
        for _ in range(3):
            await pictures_cost_s(source, app, pilot)
            gc.collect()
            grown.append(resident_bytes() / 1e6)
        say("MB resident after every further 100 pictures: " + " ".join(f"{each:.1f}" for each in grown))


asyncio.run(main())
