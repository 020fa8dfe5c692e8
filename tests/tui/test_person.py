"""A person at a terminal: every action by hand, at 80 x 24 and 120 x 40, against an appliance of real processes.

Each step's terminal is kept as text and as SVG in `screens` of the test's folder, and of each is asked what it shows.
"""

import asyncio
import html
import re
import shutil
import sys
import time
from pathlib import Path

import pytest

from tests.processes.conftest import Appliance, scripted_wav
from tests.services import needed
from tests.tui.live import new_key, source_of
from tests.tui.terminal import Terminal, terminal

LANE = "hear.p0"
"""Where the work of the default plan comes first."""
ROOT = Path(__file__).resolve().parents[2]
KEPT = {
    "pause asked", "paused", "waiting", "cancel asked", "cancelled", "resumed", "drain asked", "drained", "dead letter",
    "retry asked", "retried", "retry all asked", "all retried", "audit", "audit's end", "offline",
    "live again",
}  # fmt: skip
"""The steps of which the terminal is kept."""
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
        _retry_one_and_all(tmux, appliance, dead_id)
        tmux.press("E")
        tmux.kept("audit", *(f"operator console.{action} " for action in DONE if action != "pause"))
        # What was done first stands at the end of the panel, below what a small terminal shows at once.
        tmux.press("Tab", "End")
        tmux.kept("audit's end", f"operator console.pause {LANE} done: by hand")
        _goes_and_comes_back(tmux, appliance)
        tmux.press("q")
        tmux.gone()
    assert appliance.job(job_id)["state"] == "cancelled"
    entries = asyncio.run(_audit(appliance, key))
    assert {(f"console.{action}", "done") for action in DONE} <= entries
    kept = [{file.stem for file in (tmp_path / "screens").glob(f"*.{kind}")} for kind in ("txt", "svg")]
    assert kept[0] == kept[1]
    assert {name.split(" ", 1)[1] for name in kept[0]} == KEPT
    for file in (tmp_path / "screens").glob("*.txt"):
        # Of each the top line, the size of the terminal, and in its drawing the same words.
        lines = file.read_text().splitlines()
        assert len(lines) <= size[1] and max(map(len, lines)) <= size[0], file.name
        drawn = html.unescape(re.sub(r"<[^>]+>", "", file.with_suffix(".svg").read_text())).replace("\u00a0", " ")
        assert ("offline" if file.stem.endswith(" offline") else "live") in lines[0], file.name
        assert all(word in drawn for word in lines[1].split()), file.name


def _pause(tmux: Terminal) -> None:
    tmux.press("2")
    tmux.shows("Enter opens the jobs")
    tmux.press("/")
    tmux.write(LANE)
    tmux.until(lambda screen: "translate.p1" not in screen, "the filtered table")
    tmux.press("Enter")
    tmux.press("P")
    tmux.shows("Pause lane", f"Lane {LANE}", "No (n)")
    tmux.kept("pause asked", "Pause lane", f"Lane {LANE}", "reason (needed)", "No (n)", "Pause (y)")
    _say_yes_with(tmux, "by hand", "A reason is needed")
    tmux.until(lambda screen: re.search(rf"{LANE} += paused", screen) is not None, "the paused lane")
    tmux.kept("paused", LANE, "= paused", "P Pause/resume")


def _cancel_and_resume(tmux: Terminal, job_id: str) -> None:
    tmux.until(lambda screen: re.search(rf"{LANE} += paused +1 ", screen) is not None, "the job that waits")
    tmux.press("Enter")
    tmux.shows(job_id[:13], "waiting")
    tmux.kept("waiting", job_id[:13], "waiting")
    tmux.press("C")
    tmux.shows("Cancel job", f"Job {job_id}", "No (n)")
    tmux.kept("cancel asked", "Cancel job", f"Job {job_id}", "This cannot be taken back.", "No (n)")
    tmux.press("y")
    tmux.shows("Nothing waits and nothing runs.")
    tmux.kept("cancelled", "Nothing waits and nothing runs.")
    tmux.press("Escape")
    tmux.shows("Enter opens the jobs")
    tmux.press("P")
    tmux.shows("Resume lane", "by hand")
    tmux.press("y")
    tmux.until(lambda screen: re.search(rf"{LANE} +○ idle", screen) is not None, "the lane that is open again")
    tmux.kept("resumed", LANE, "○ idle")


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
    tmux.kept("drain asked", "Drain worker", "takes no more until it is undrained", "No (n)", "Drain (y)")
    _say_yes_with(tmux, "by hand", "A reason is needed")
    tmux.kept("drained", "WORKER", "= drained")
    tmux.press("D")
    tmux.shows("Undrain worker")
    tmux.press("y")
    tmux.shows("○ idle")


def _retry_one_and_all(tmux: Terminal, appliance: Appliance, dead_id: str) -> None:
    """The engine fails this recording however often it is tried: each retry leaves one dead letter, of another job."""
    tmux.press("2")
    tmux.shows("Enter opens the jobs")
    tmux.press("d")
    tmux.shows(dead_id[:13], "engine_failed", "1 dead letter")
    tmux.kept("dead letter", dead_id[:13], "engine_failed", "1 dead letter")
    tmux.press("R")
    tmux.shows("Retry dead letter", f"Job {dead_id}", "No (n)")
    tmux.kept("retry asked", "Retry dead letter", f"Job {dead_id}", "for the languages that failed", "No (n)")
    tmux.press("y")
    tmux.shows("It goes on as")
    tmux.until(lambda screen: dead_id[:13] not in screen and "engine_failed" in screen, "the job of the retry")
    tmux.kept("retried", "engine_failed", "1 dead letter")
    # A bulk of more than one.
    appliance.submit(scripted_wav("POISON"), "fr")
    # The page's own heading: the verdict's line above it tells of a dead letter a moment earlier.
    tmux.until(
        lambda screen: re.search(rf"{LANE} +2 dead letters", screen) is not None, "both dead letters on the page"
    )
    tmux.press("B")
    tmux.shows("Retry all dead letters", "2 dead,", "No (n)")
    tmux.kept("retry all asked", "Retry all dead letters", "2 dead,", "type 2 to confirm", "No (n)")
    _say_yes_with(tmux, "2", "Type 2 first")
    tmux.kept("all retried", "2 retried.")


def _goes_and_comes_back(tmux: Terminal, appliance: Appliance) -> None:
    """The appliance is killed and started again at its address; the console says so and goes on."""
    port = int(appliance.url.rsplit(":", 1)[1])
    appliance.kill()
    tmux.shows("offline", "data from", "console.")
    tmux.kept("offline", "✕ offline", "data from")
    appliance.settings = appliance.settings.model_copy(update={"port": port})
    appliance.start()
    tmux.shows("live")
    tmux.kept("live again", "● live")


async def _audit(appliance: Appliance, key: Path) -> set[tuple[str, str | None]]:
    source = source_of(appliance.url, key)
    entries = (await source.audit()).entries
    await source.close()
    return {(entry.action, entry.result) for entry in entries}
