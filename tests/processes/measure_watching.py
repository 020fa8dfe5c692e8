"""What watching costs an API process: `measure_watching.py [postgresql]` prints it, beside an idle one.

A real `meeshy api` on SQLite, or on a PostgreSQL server of its own, with the rows of a busy site (`busy_site.py`); one
console follows its stream, then it reads the page of a lane besides, as often as a console with screen 2 does. The
differences are what watching costs that process; what a server of PostgreSQL's does is not in them. Figures, no test.
`MEASURED_S` is how long each is measured, `SITE_SHARE` how much of the site there is: 0.01 tries the script.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import httpx

# A script that is run by its path finds what lies beside it.
from busy_site import LANE, Size, fill, read_cards

from appliance.access.keys import create_key
from appliance.commands.child_environment import child_environment
from appliance.settings import Settings
from appliance.storage.database import Database
from appliance.storage.migrate import migrate
from appliance.testing.ports import free_port
from appliance.testing.postgres import postgres_programs, postgres_server
from tui.screens.asking import ASKED_EVERY_S

READ_EVERY_S = 5.0
SETTLE_S, MEASURED_S = 5.0, float(os.environ.get("MEASURED_S", "60"))
SIZE = Size().part(float(os.environ.get("SITE_SHARE", "1")))
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


@contextlib.contextmanager
def busy_site(size: Size, kind: str) -> Iterator[tuple[Settings, str]]:
    """Yield the settings of a site with so many rows on such a database, and a viewer's key."""
    if kind not in ("sqlite", "postgresql"):
        raise SystemExit(f"There is no such database here: {kind}.")
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        programs = postgres_programs()
        if kind == "postgresql" and programs is None:
            raise SystemExit("PostgreSQL's server is not installed (Debian: postgresql).")
        url = stack.enter_context(postgres_server(programs)).url if kind == "postgresql" and programs else ""
        settings = Settings(data_dir=folder, database_url=url, port=free_port(), requests_per_minute=0)
        database = Database(settings.database)
        stack.callback(database.close)
        migrate(database)
        fill(database, size)
        stack.enter_context(beside(partial(read_on, database)))
        yield settings, create_key(database, "console", "viewer").key


@contextlib.contextmanager
def api(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """Run an API process until the block ends."""
    process = subprocess.Popen([sys.executable, "-m", "appliance.cli", "api"], env=child_environment(settings))
    try:
        url = f"http://127.0.0.1:{settings.port}/health/live"
        for _ in range(300):
            with contextlib.suppress(httpx.TransportError):
                httpx.get(url).raise_for_status()
                break
            time.sleep(0.1)
        yield process
    finally:
        process.terminate()
        process.wait(30)


@contextlib.contextmanager
def beside(look: Callable[[threading.Event], None]) -> Iterator[None]:
    """Look in a thread of its own until the block ends; a look that fails ends the measurement."""
    over, looks = threading.Event(), ThreadPoolExecutor(1)
    looking = looks.submit(look, over)
    try:
        yield
        if looking.done():
            raise RuntimeError("what goes on beside it ended early") from looking.exception()
    finally:
        over.set()
        looks.shutdown()


def read_on(database: Database, over: threading.Event) -> None:
    """Read the cards as a pool does."""
    while not over.wait(READ_EVERY_S):
        read_cards(database)


def follow(client: httpx.Client, over: threading.Event) -> None:
    """Follow the stream of pictures."""
    with client.stream("GET", "/events") as stream:
        stream.raise_for_status()
        for _ in stream.iter_bytes():
            if over.is_set():
                return


def turn_pages(client: httpx.Client, over: threading.Event) -> None:
    """Read the first page of the lane as a console does that shows it."""
    while not over.is_set():
        client.get(f"/lanes/{LANE}/jobs", params={"total": "false"}).raise_for_status()
        over.wait(ASKED_EVERY_S)


def used_s(pid: int) -> float:
    """Return the processor seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


def measured(*pids: int) -> list[float]:
    """Return each process's share of one core over the next while."""
    time.sleep(SETTLE_S)
    began, before = time.monotonic(), [used_s(pid) for pid in pids]
    time.sleep(MEASURED_S)
    after, took_s = [used_s(pid) for pid in pids], time.monotonic() - began
    return [(end - begin) / took_s for begin, end in zip(before, after, strict=True)]


def main() -> None:
    """Measure without and with a console, and with one that has a lane before it."""
    kind = sys.argv[1] if sys.argv[1:] else "sqlite"
    with busy_site(SIZE, kind) as (settings, key), api(settings) as process:
        admin = f"http://127.0.0.1:{settings.port}/api/v1/admin"
        headers = {"Authorization": f"Bearer {key}"}
        with httpx.Client(base_url=admin, headers=headers, timeout=30) as client:
            (idle,) = measured(process.pid)
            with beside(partial(follow, client)):
                (watched,) = measured(process.pid)
                with beside(partial(turn_pages, client)):
                    (paged,) = measured(process.pid)
            snapshot = client.get("/snapshot").raise_for_status()
            page = client.get(f"/lanes/{LANE}/jobs").raise_for_status()
    say(f"{kind}: {SIZE}; {page.json()['total']} in {LANE}; a picture has {len(snapshot.content)} bytes")
    say(f"idle {idle:.2%} of a core, watched {watched:.2%}")
    say(f"with a page of the lane every {ASKED_EVERY_S:.0f} s besides {paged:.2%}")
    say(f"watching costs the API {watched - idle:.2%} of one core, the page {paged - watched:.2%} more")
    say(f"in all a console costs it {paged - idle:.2%}")


if __name__ == "__main__":
    main()
