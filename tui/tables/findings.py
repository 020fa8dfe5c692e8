"""The findings of a verdict, the worst first."""

from collections.abc import Sequence

from tui.glyphs import Glyphs
from tui.screen_keys import SCREEN_KEYS
from tui.verdict import Finding
from tui.verdict_line import LOOKS
from tui.widgets.rows import Cell, Column, Row

COLUMNS = (
    Column("NEEDS", 9),
    Column("WHAT", 58),
    Column("KEY", 3),
    Column("WHAT TO DO", 108, spare=1),
)


def finding_rows(findings: Sequence[Finding], glyphs: Glyphs) -> list[Row]:
    """Return the findings as rows."""
    return [_row(finding, glyphs) for finding in findings]


def _row(finding: Finding, glyphs: Glyphs) -> Row:
    look, key = LOOKS[finding.severity], SCREEN_KEYS[finding.screen]
    return Row(
        finding.id,
        (
            Cell(look.text(glyphs), -finding.severity, look.tone),
            Cell(finding.text, finding.text),
            Cell(key, key),
            Cell(finding.do, finding.do, "quiet"),
        ),
    )
