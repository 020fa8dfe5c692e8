"""The lanes: what waits, for how long, and how much of its SLA that is."""

from appliance.admin.schema import Lane, Snapshot
from tui import format as fmt
from tui.bars import meter
from tui.glyphs import Glyphs, Look
from tui.versions import NOT_TOLD, untold
from tui.widgets.rows import Cell, Column, Row

METER_WIDTH = 6
COLUMNS = (
    Column("LANE", 13),
    Column("STATE", 9),
    Column("WAIT", 5, right=True, descending=True),
    Column("RUN", 4, right=True, descending=True),
    Column("OLDEST", 7, right=True, descending=True),
    Column("SLA", 6, right=True, spare=1),
    Column("OF SLA", METER_WIDTH + 6, descending=True),
    Column("DEAD", 5, right=True, descending=True),
    Column("LATE", 5, right=True, spare=2, descending=True),
    Column("IN TIME", 7, right=True, spare=3),
    Column("PAUSED", 30, spare=4),
)
SORTED_BY = 6


def empty(snapshot: Snapshot) -> str:
    """Return what a table without a lane says."""
    return NOT_TOLD if untold(snapshot, "lanes") else "No lanes."


def lane_look(lane: Lane) -> Look:
    """Return how a lane's state looks."""
    late = lane.oldest_of_sla
    if lane.state != "open":
        return Look("held", lane.state, "note")
    if late is not None and late > 1:
        return Look("warn", "late", "bad" if late > 2 else "warn")
    if lane.depth or lane.running:
        return Look("ok", "ok", "good")
    return Look("idle", "idle", "quiet")


def lane_row(lane: Lane, glyphs: Glyphs) -> Row:
    """Return a lane as a row."""
    look, late, name = lane_look(lane), lane.oldest_of_sla, lane.name
    paused = " ".join(part for part in (lane.paused_by, lane.paused_reason) if part)
    return Row(
        name,
        (
            Cell(name, (lane.stage, lane.priority)),
            Cell(look.text(glyphs), look.word, look.tone),
            Cell(fmt.count(lane.depth), lane.depth),
            Cell(fmt.count(lane.running), lane.running),
            Cell(fmt.age(lane.oldest_wait_s), lane.oldest_wait_s),
            Cell(fmt.age(lane.sla_s), lane.sla_s, "quiet"),
            Cell(f"{meter(late, METER_WIDTH, glyphs)} {fmt.percent(late):>5}", late, look.tone),
            Cell(fmt.count(lane.dead), lane.dead, "bad" if lane.dead else "quiet"),
            Cell(fmt.count(lane.overdue), lane.overdue, "warn" if lane.overdue else "quiet"),
            Cell(fmt.percent(lane.attainment), lane.attainment),
            Cell(paused or fmt.UNKNOWN, paused or None, "quiet"),
        ),
    )


def lane_rows(snapshot: Snapshot, glyphs: Glyphs) -> list[Row]:
    """Return all lanes as rows."""
    return [lane_row(lane, glyphs) for lane in snapshot.lanes]
