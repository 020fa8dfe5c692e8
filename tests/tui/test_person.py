"""A person at a terminal: every action by hand, at 80 x 24 and 120 x 40, against an appliance of real processes.

Each step's terminal is kept as text and, of the console without a terminal, as SVG, in `screens` of the test's folder.
"""

import asyncio
import re
import shutil
import sys
import time
from pathlib import Path

import pytest

from tests.processes.conftest import Appliance, scripted_wav
from tests.services import needed
from tests.tui.live import console, new_key, shows, source_of
from tests.tui.terminal import Terminal, terminal

LANE = "hear.p0"
"""Where the work of the default plan comes first."""
ROOT = Path(__file__).resolve().parents[2]
DONE = ("pause", "cancel", "resume", "drain", "undrain", "retry", "retry_many")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
def test_a_person_pauses_cancels_resumes_drains_and_retries_at_a_terminal(appliance, tmp_path, size):
    needed(shutil.which("tmux"), "tmux", "Debian: tmux")
    key, _ = new_key(appliance, "operator")
    command = [sys.executable, "-m", "tui", "--url", appliance.url, "--token-file", str(key)]
    environment = {"PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"}
    with terminal(tmp_path) as tmux:
        tmux.keep_in(tmp_path / "screens")
        tmux.open(command, size, environment)
        tmux.shows("live", "operator (operator)", LANE)
        _pause(tmux)
        # Workers see a pause with their next look, 3 s later at most.
        time.sleep(4)
        job_id = appliance.submit(scripted_wav("good morning"), "fr")
        _cancel_and_resume(tmux, job_id)
        _drain_and_undrain(tmux)
        dead_id = appliance.submit(scripted_wav("POISON"), "fr")
        _retry_one_and_all(tmux, dead_id)
        tmux.press("E")
        tmux.shows(*(f"operator console.{action} " for action in DONE if action != "pause"))
        tmux.kept("audit")
        asyncio.run(_drawn(appliance, key, size, tmp_path / "screens"))
        _goes_and_comes_back(tmux, appliance)
        tmux.press("q")
        tmux.gone()
    assert appliance.job(job_id)["state"] == "cancelled"
    entries = asyncio.run(_audit(appliance, key))
    assert {(f"console.{action}", "done") for action in DONE} <= entries
    kept = {file.suffix for file in (tmp_path / "screens").iterdir()}
    assert kept == {".txt", ".svg"}


def _pause(tmux: Terminal) -> None:
    tmux.press("2")
    tmux.shows("Enter opens the jobs")
    tmux.press("/")
    tmux.write(LANE)
    tmux.until(lambda screen: "translate.p1" not in screen, "the filtered table")
    tmux.press("Enter")
    tmux.press("P")
    tmux.shows("Pause lane", f"Lane {LANE}", "No (n)")
    tmux.kept("pause asked")
    _say_yes_with(tmux, "by hand", "A reason is needed")
    tmux.until(lambda screen: re.search(rf"{LANE} += paused", screen) is not None, "the paused lane")
    tmux.kept("paused")


def _cancel_and_resume(tmux: Terminal, job_id: str) -> None:
    tmux.until(lambda screen: re.search(rf"{LANE} += paused +1 ", screen) is not None, "the job that waits")
    tmux.press("Enter")
    tmux.shows(job_id[:13], "waiting")
    tmux.kept("waiting")
    tmux.press("C")
    tmux.shows("Cancel job", f"Job {job_id}", "No (n)")
    tmux.kept("cancel asked")
    tmux.press("y")
    tmux.shows("Nothing waits and nothing runs.")
    tmux.kept("cancelled")
    tmux.press("Escape")
    tmux.shows("Enter opens the jobs")
    tmux.press("P")
    tmux.shows("Resume lane", "by hand")
    tmux.press("y")
    tmux.until(lambda screen: re.search(rf"{LANE} +○ idle", screen) is not None, "the lane that is open again")
    tmux.kept("resumed")


def _say_yes_with(tmux: Terminal, text: str, missing: str) -> None:
    tmux.press("y")
    tmux.shows(missing)
    tmux.write(text)
    tmux.press("Enter")
    # The field hands the keys back a moment later; a y before that is a letter of the text, and does nothing.
    time.sleep(3)
    tmux.press("y")


def _drain_and_undrain(tmux: Terminal) -> None:
    tmux.press("3")
    tmux.shows("WORKER", "idle")
    tmux.press("D")
    tmux.shows("Drain worker", "No (n)")
    tmux.kept("drain asked")
    _say_yes_with(tmux, "by hand", "A reason is needed")
    tmux.shows("= drained")
    tmux.kept("drained")
    tmux.press("D")
    tmux.shows("Undrain worker")
    tmux.press("y")
    tmux.shows("○ idle")


def _retry_one_and_all(tmux: Terminal, dead_id: str) -> None:
    """The engine fails this recording however often it is tried: each retry leaves one dead letter, of another job."""
    tmux.press("2")
    tmux.shows("Enter opens the jobs")
    tmux.press("d")
    tmux.shows(dead_id[:13], "engine_failed", "1 dead letter")
    tmux.kept("dead letter")
    tmux.press("R")
    tmux.shows("Retry dead letter", f"Job {dead_id}", "No (n)")
    tmux.kept("retry asked")
    tmux.press("y")
    tmux.shows("It goes on as")
    tmux.until(lambda screen: dead_id[:13] not in screen and "engine_failed" in screen, "the job of the retry")
    tmux.kept("retried")
    tmux.press("B")
    tmux.shows("Retry all dead letters", "1 dead", "No (n)")
    tmux.kept("retry all asked")
    _say_yes_with(tmux, "1", "Type 1 first")
    tmux.shows("1 retried.")
    tmux.kept("all retried")


def _goes_and_comes_back(tmux: Terminal, appliance: Appliance) -> None:
    """The appliance is killed and started again at its address; the console says so and goes on."""
    port = int(appliance.url.rsplit(":", 1)[1])
    appliance.kill()
    tmux.shows("offline", "data from", "console.")
    tmux.kept("offline")
    appliance.settings = appliance.settings.model_copy(update={"port": port})
    appliance.start()
    tmux.shows("live")
    tmux.kept("live again")


async def _drawn(appliance: Appliance, key: Path, size: tuple[int, int], folder: Path) -> None:
    """Keep every screen over the live appliance as SVG."""
    async with console(source_of(appliance.url, key), size) as (app, pilot):
        for screen, words in {
            "1": "Queues", "2": LANE, "3": "WORKER", "4": "GPU", "5": "Latency", "6": "last 24 h",
            "E": "operator console.drain", "v": "Parts",
        }.items():  # fmt: skip
            await pilot.press(screen)
            await shows(app, "live", words)
            (folder / f"{screen}.svg").write_text(app.export_screenshot(title=f"screen {screen}"))


async def _audit(appliance: Appliance, key: Path) -> set[tuple[str, str | None]]:
    source = source_of(appliance.url, key)
    entries = (await source.audit()).entries
    await source.close()
    return {(entry.action, entry.result) for entry in entries}
