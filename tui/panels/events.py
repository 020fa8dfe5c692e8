"""What happened, as lines, newest first."""

from collections.abc import Sequence

from appliance.admin.schema import Event
from tui import format as fmt
from tui.glyphs import Glyphs, Line, Look

LOOKS = {
    "info": Look("idle", "info", "quiet"),
    "warning": Look("warn", "warning", "warn"),
    "error": Look("bad", "error", "bad"),
}


def event_lines(events: Sequence[Event], now_s: float, width: int, glyphs: Glyphs) -> list[Line]:
    """Return one line per event: when, how bad, about what, what."""
    if not events:
        return [[("Nothing happened.", "quiet")]]
    lines: list[Line] = []
    for event in events:
        look = LOOKS.get(event.severity, LOOKS["info"])
        when = fmt.moment(event.at_s, now_s)
        text = f"{event.subject}: {event.text}" if event.subject else event.text
        lines.append(
            [
                (f"{when:<13}" if len(when) > 8 else f"{when} ", "quiet"),
                (f"{glyphs.of(look.sign)} ", look.tone),
                (fmt.cut(text, max(10, width - len(when) - 4), glyphs.cut), "plain"),
            ]
        )
    return lines
