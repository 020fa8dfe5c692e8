"""What a console costs at a terminal: `measure_console.py [postgresql]` prints it.

The console of `python -m tui` in tmux at 120 by 40 follows a real `meeshy api` over HTTP, with the rows of a busy site
(`busy_site.py`): its own processor and memory, the API's, and the time from a key to another screen of the terminal.
tmux is asked for the screen again and again, so that a key's time has tmux's own in it. Figures, no test.
"""

import sys
import tempfile
import time
from pathlib import Path

from busy_site import LANE
from measure_watching import SIZE, api, busy_site, measured, say

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "tui"))

from terminal import Terminal, terminal  # noqa: E402

KEYS, PAGE = 50, 100
LOST_S = 10.0


def resident_mb(pid: int) -> float:
    """Return the resident memory of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1000 for line in lines if line.startswith("VmRSS:"))


def read_all(shown: Terminal) -> None:
    """Open the lane and go to its end until every page of it is read."""
    shown.press("2")
    shown.shows("Enter opens the jobs")
    shown.press("/")
    shown.write(LANE)
    shown.until(lambda screen: "hear.p0" not in screen, "the filtered table")
    shown.press("Enter", "Enter")
    if SIZE.open > PAGE:
        shown.shows(f"first {PAGE}")
    for read in range(2 * PAGE, SIZE.open + PAGE, PAGE):
        shown.press("G")
        shown.until(lambda screen, read=read: f"{read} read" in screen, f"{read} jobs")


def key_to_screen_s(shown: Terminal) -> list[float]:
    """Return the seconds from each key until the terminal stands otherwise, the shortest first."""
    took = []
    for number in range(KEYS):
        before, began = shown.screen(), time.perf_counter()
        shown.press("PageUp" if number % 10 == 0 else "k")
        while shown.screen() == before:
            if time.perf_counter() - began > LOST_S:
                raise SystemExit(f"A key changed nothing within {LOST_S:g} s.")
        took.append(time.perf_counter() - began)
        # A picture may change the terminal too: its ages stand still between two of them.
        time.sleep(0.1)
    return sorted(took)


def main() -> None:
    """Measure the first screen, then a lane of which every job was read."""
    kind = sys.argv[1] if sys.argv[1:] else "sqlite"
    with (
        tempfile.TemporaryDirectory() as folder,
        busy_site(SIZE, kind) as (settings, key),
        api(settings) as process,
        terminal(Path(folder)) as shown,
    ):
        (alone,) = measured(process.pid)
        file = Path(folder) / "key"
        file.write_text(key)
        file.chmod(0o600)
        command = [sys.executable, "-m", "tui", "--url", f"http://127.0.0.1:{settings.port}", "--token-file", str(file)]
        shown.open(command, (120, 40), {"PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"})
        shown.shows("live")
        for name, before in (("overview", lambda: None), (f"a lane of {SIZE.open} jobs", lambda: read_all(shown))):
            before()
            console, served = measured(shown.pid, process.pid)
            say(f"{kind}, {name}: console {console:.2%} of a core, {resident_mb(shown.pid):.0f} MB resident,")
            say(f"  the API {served - alone:.2%} more than the {alone:.2%} that it uses alone")
        took = key_to_screen_s(shown)
        shown_ms = [round(1000 * took[place]) for place in (KEYS // 2, KEYS * 19 // 20, -1)]
        say(f"key to terminal over {KEYS} keys: p50, p95 and the worst {shown_ms} ms")


if __name__ == "__main__":
    main()
