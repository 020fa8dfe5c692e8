"""docs/operations.md explains every figure of `meeshy status` and every housekeeping duty."""

import re
from pathlib import Path

import msgspec
import pytest

from appliance.housekeeping.duties import DUTIES
from appliance.housekeeping.rounds import Record
from appliance.jobs.reserved import Reservation
from appliance.settings import Settings
from appliance.status.figures import Figures, PauseLine, QueueLine, WebhookLine, WorkerLine
from appliance.status.probes import Health
from appliance.status.report import Attention, Report, attention_for, make_report
from appliance.status.table import FIGURES, WIDTH, as_text
from appliance.storage.database import Database
from appliance.workers.roles import FAMILIES

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/operations.md"


def section(heading: str) -> str:
    return DOCUMENT.read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]


@pytest.fixture
def report() -> Report:
    figures = Figures(
        queue=(
            QueueLine(
                family="synthesize", priority=2, waiting=123456, running=4, overdue=1, audio_s=9e5, oldest_wait_s=7e5
            ),
        ),
        workers=(
            WorkerLine(
                id="worker_1", families=("hear", "translate", "finish"), slots=4, seen_ago_s=2.0, living=True,
                host="worker-1", started_ago_s=60.0, proven=True, version="0.1.0",
            ),
        ),
        reservations=(Reservation(plan="enterprise", slots=12345, kept=1234),),
        jobs={"open": 1234567, "done": 1234567, "partial": 12345, "failed": 12345, "cancelled": 1234},
        webhooks=WebhookLine(
            waiting=123456, oldest_due_s=7200.0, failed=12345, disabled_destinations=12, failing_destinations=3
        ),
        housekeeping={"results": Record(at_s=1.0, found=1, done=0, error="storage_unavailable")},
        housekeeping_ago_s=59.0,
        commissioned=True,
        pauses=(PauseLine(family="synthesize", priority=2, paused_ago_s=7200.0, actor="anna" * 32),),
    )  # fmt: skip
    health = {name: Health(state="away", says="s" * 200, do="Mend it.") for name in FIGURES["Health"]}
    return Report(
        version="0.1.0", health=health, figures=figures,
        attention=(Attention(figure="overdue", says="word " * 40, do="do " * 40),),
    )  # fmt: skip


def test_every_figure_of_the_status_is_explained_under_its_heading_and_nothing_else_is():
    told: dict[str, tuple[str, ...]] = {}
    for heading, figure in re.findall(r"^\| (?:\*\*(.+?)\*\*|`(.+?)`) \|", section("Status"), re.MULTILINE):
        if heading:
            told[heading] = ()
        else:
            told[list(told)[-1]] += (figure,)

    assert told == FIGURES


def test_the_status_shows_every_figure_and_fits_80_columns(report):
    text = as_text(report, "+".join)

    for heading, figures in FIGURES.items():
        # Cells of a table's first line, or of `figure value` pairs; the same word may stand under other headings too.
        cells = re.split(r"\s{2,}|\n", text.split(f"\n\n{heading}\n")[1].split("\n\n")[0])
        shown = [figure for figure in figures if any(f"{cell} ".startswith(f"{figure} ") for cell in cells)]
        assert shown == list(figures), heading
    assert max(len(line) for line in text.splitlines()) <= WIDTH


EVERYTHING_WRONG = (
    "living", "overdue", "paused for", "oldest due", "disabled destinations", "failing destinations", "last round",
    "failed duties",
)  # fmt: skip


def test_whatever_needs_attention_names_a_figure_that_is_shown_and_explained(report):
    figures = report.figures
    waits = figures.queue[0]
    elsewhere = msgspec.structs.replace(waits, priority=0)
    failing = msgspec.structs.replace(figures.webhooks, disabled_destinations=0)
    silent = msgspec.structs.replace(figures, queue=(waits, elsewhere), housekeeping_ago_s=None)
    found = attention_for(silent, FAMILIES) + attention_for(msgspec.structs.replace(figures, webhooks=failing), ())
    named = {each.figure for each in found}
    assert named == set(EVERYTHING_WRONG)
    assert named <= {figure for shown in FIGURES.values() for figure in shown}


def test_a_part_that_is_away_is_named_as_it_is_shown(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'nowhere' / 'absent.sqlite3'}")
    made = make_report(Settings(data_dir=tmp_path, disk_reserve_bytes=1 << 60), database, ())
    database.close()
    assert "disk" in {each.figure for each in made.attention} <= set(FIGURES["Health"])
    assert set(made.health) == set(FIGURES["Health"])


def test_every_duty_is_documented_and_nothing_else_is():
    assert re.findall(r"^\| `(\w+)` \|", section("Housekeeping"), re.MULTILINE) == list(DUTIES)
