"""What operators did, as lines, newest first."""

from collections.abc import Sequence

from appliance.admin.schema import AuditEntry
from tui import format as fmt
from tui.glyphs import Glyphs, Line


def audit_lines(entries: Sequence[AuditEntry], now_s: float, width: int, glyphs: Glyphs) -> list[Line]:
    """Return one line per entry: when, who by name, what to whom, with what result and reason, under which key."""
    if not entries:
        return [[("Nobody did anything yet.", "quiet")]]
    lines: list[Line] = []
    for entry in entries:
        when = fmt.moment(entry.at_s, now_s)
        parts = [entry.application, entry.action, entry.subject, entry.result or ""]
        text = " ".join(part for part in parts if part) + (f": {entry.reason}" if entry.reason else "")
        # Two people may share an application, with a key each.
        text += f" ({entry.actor})" if entry.actor else ""
        lines.append([(f"{when} ", "quiet"), (fmt.cut(text, max(10, width - len(when) - 2), glyphs.cut), "plain")])
    return lines
