"""The second line of every screen: one word, and what is worst; what does not fit is counted."""

from collections.abc import Sequence

from tui import format as fmt
from tui.glyphs import Glyphs, Look, Piece, Tone
from tui.source import Outage
from tui.verdict import Finding, Severity, worst

WORDS: dict[Severity | None, Look] = {
    None: Look("ok", "WELL", "good"),
    Severity.NOTE: Look("ok", "WELL", "good"),
    Severity.WARN: Look("warn", "DEGRADED", "warn"),
    Severity.BAD: Look("bad", "FAILING", "bad"),
}
_TONES: dict[Severity, Tone] = {Severity.NOTE: "note", Severity.WARN: "warn", Severity.BAD: "bad"}
_BETWEEN = "; "


def verdict_pieces(
    findings: Sequence[Finding] | None, outage: Outage | None, width: int, glyphs: Glyphs
) -> list[Piece]:
    """Return the verdict within `width` columns; during an outage the reason of the outage, which is worse."""
    if outage is not None:
        return [(fmt.cut(outage.reason, width, glyphs.cut), "bad")]
    if findings is None:
        return [("Waiting for the first picture.", "quiet")]
    look = WORDS[worst(list(findings))]
    head = f"{look.text(glyphs)}  "
    pieces: list[Piece] = [(head, look.tone)]
    if not findings:
        return [*pieces, ("Nothing needs attention.", "quiet")]
    fitting = _fitting([finding.text for finding in findings], width - len(head))
    for place, finding in enumerate(findings[:fitting]):
        pieces.append(((_BETWEEN if place else "") + finding.text, _TONES[finding.severity]))
    left = len(findings) - fitting
    if fitting == 0:
        room = width - len(head) - len(_more(left - 1))
        pieces.append((fmt.cut(findings[0].text, room, glyphs.cut), _TONES[findings[0].severity]))
        left -= 1
    return [*pieces, (_more(left), "quiet")] if left else pieces


def _fitting(texts: Sequence[str], room: int) -> int:
    """Return how many of the texts fit, with the count of those that do not."""
    for number in range(len(texts), 0, -1):
        length = len(_BETWEEN.join(texts[:number])) + len(_more(len(texts) - number))
        if length <= room:
            return number
    return 0


def _more(number: int) -> str:
    return f" +{number} more" if number > 0 else ""
