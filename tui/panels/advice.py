"""One finding in full: what it is, what to do about it, and which key opens its screen."""

from textwrap import wrap

from tui.glyphs import Line
from tui.screen_keys import SCREEN_KEYS
from tui.verdict import Finding
from tui.verdict_line import LOOKS


def advice_lines(finding: Finding | None, width: int) -> list[Line]:
    """Return the lines of a finding, wrapped; nothing to do where there is none."""
    if finding is None:
        return [[("Nothing needs attention.", "quiet")]]
    tone = LOOKS[finding.severity].tone
    lines: list[Line] = [[(line, tone)] for line in wrap(finding.text, width)]
    lines += [[(line, "plain")] for line in wrap(finding.do, width)]
    if finding.screen != "verdict":
        where = f" at {finding.key}" if finding.key else ""
        lines.append([(f"Enter or {SCREEN_KEYS[finding.screen]} opens {finding.screen}{where}.", "quiet")])
    return lines
