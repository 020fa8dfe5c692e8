"""`--once`: one picture as text or JSON, and an exit code that a script can ask."""

import json
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

import msgspec

from appliance.admin.schema import Snapshot
from tui import format as fmt
from tui.fold import fold_pieces
from tui.glyphs import Glyphs, plain
from tui.panels.latency import latency_lines
from tui.source import Outage, Source
from tui.tables import lanes, workers
from tui.verdict import Finding, Severity, verdict, worst
from tui.verdict_line import WORDS
from tui.widgets.rows import Column, Row, fitting, ordered

WELL, DEGRADED, UNREACHABLE = 0, 1, 2
WIDTH = 100


@dataclass(frozen=True)
class Report:
    """What is printed, and with which exit code the program ends."""

    text: str
    exit_code: int


async def once(source: Source, glyphs: Glyphs, *, as_json: bool) -> Report:
    """Return the report on the first picture, or on why there is none; nothing is tried twice."""
    async for news in source.follow():
        if isinstance(news, Outage):
            document = {"state": "unreachable", "reason": news.reason, "findings": [], "snapshot": None}
            text = json.dumps(document, indent=2) if as_json else f"{glyphs.bad} UNREACHABLE  {news.reason}"
            return Report(text, UNREACHABLE)
        return _json(news) if as_json else _text(source.name, news, glyphs)
    raise AssertionError("a source follows for ever")


def _exit_code(snapshot: Snapshot) -> int:
    severity = worst(verdict(snapshot))
    return DEGRADED if severity is not None and severity >= Severity.WARN else WELL


def _json(snapshot: Snapshot) -> Report:
    findings = verdict(snapshot)
    document: dict[str, Any] = {
        "state": WORDS[worst(findings)].word.lower(),
        "reason": None,
        "findings": [_finding(each) for each in findings],
        "snapshot": msgspec.to_builtins(snapshot),
    }
    return Report(json.dumps(document, ensure_ascii=False, indent=2), _exit_code(snapshot))


def _finding(finding: Finding) -> dict[str, str]:
    severity = finding.severity.name.lower()
    return {"severity": severity, "text": finding.text, "key": finding.key, "do": finding.do}


def _text(place: str, snapshot: Snapshot, glyphs: Glyphs) -> Report:
    findings = verdict(snapshot)
    look = WORDS[worst(findings)]
    lines = [f"{look.text(glyphs)}  {place}  {fmt.clock(snapshot.server_time_s)}  up {fmt.age(snapshot.up_s)}"]
    lines += [line for finding in findings for line in _told(finding)] or ["  Nothing needs attention."]
    lane_rows = ordered(lanes.lane_rows(snapshot, glyphs), lanes.SORTED_BY, descending=True)
    lines += ["", *_table(lanes.COLUMNS, lane_rows)]
    lines += [
        "",
        f"Workers {workers.census(snapshot)}",
        *_table(workers.COLUMNS, workers.worker_rows(snapshot, glyphs)),
    ]
    lines += ["", *(plain(line) for line in latency_lines(snapshot, WIDTH, glyphs))]
    lines += ["", plain(fold_pieces(snapshot, WIDTH, glyphs))]
    return Report("\n".join(line.rstrip() for line in lines), _exit_code(snapshot))


def _told(finding: Finding) -> list[str]:
    """Return what it is, and under it what to do."""
    return [f"  {finding.text}", *(f"    {line}" for line in wrap(finding.do, WIDTH - 4))]


def _table(columns: tuple[Column, ...], rows: list[Row]) -> list[str]:
    shown = fitting(columns, WIDTH)
    texts = [[columns[place].title for place in shown], *([row.cells[place].text for place in shown] for row in rows)]
    return [
        "  ".join(
            text.rjust(columns[place].width) if columns[place].right else text.ljust(columns[place].width)
            for place, text in zip(shown, line, strict=True)
        )
        for line in texts
    ]
