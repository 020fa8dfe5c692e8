"""The second line of every screen: one word, and what is worst with the key of its screen; the rest is counted."""

from collections.abc import Sequence

from tui import format as fmt
from tui.glyphs import Glyphs, Look, Piece
from tui.screen_keys import SCREEN_KEYS
from tui.source import Outage
from tui.verdict import Finding, Severity, worst

WORDS: dict[Severity | None, Look] = {
    None: Look("ok", "WELL", "good"),
    Severity.NOTE: Look("ok", "WELL", "good"),
    Severity.WARN: Look("warn", "DEGRADED", "warn"),
    Severity.BAD: Look("bad", "FAILING", "bad"),
}
LOOKS: dict[Severity, Look] = {
    Severity.NOTE: Look("held", "nothing", "note"),
    Severity.WARN: Look("warn", "a look", "warn"),
    Severity.BAD: Look("bad", "a hand", "bad"),
}
"""How one finding looks: what it needs."""
_BETWEEN = "; "
_BEFORE = " Before: "
_ALL = f" [{SCREEN_KEYS['verdict']}]"
_LEAST = 4
"""Columns of a finding below which its room is worth more than keys."""


def verdict_pieces(
    findings: Sequence[Finding] | None,
    outage: Outage | None,
    width: int,
    glyphs: Glyphs,
    silent_s: float | None = None,
) -> list[Piece]:
    """Return the verdict within `width` columns, the first finding with the key of its screen.

    During an outage the reason of the outage, which is worse; where no picture has come for `silent_s` that, and what
    was so before.
    """
    if outage is not None:
        return [(fmt.cut(outage.reason, width, glyphs.cut), "bad")]
    if findings is None:
        return [("Waiting for the first picture.", "quiet")]
    if silent_s is None:
        return _pieces(findings, width, glyphs)
    says = f"{glyphs.warn} No picture for {fmt.age(silent_s)}."
    before = "".join(text for text, _ in _pieces(findings, width - len(says) - len(_BEFORE), glyphs))
    return [(fmt.cut(says, width, glyphs.cut), "warn"), (fmt.cut(_BEFORE + before, width - len(says), ""), "quiet")]


def _pieces(findings: Sequence[Finding], width: int, glyphs: Glyphs) -> list[Piece]:
    look = WORDS[worst(list(findings))]
    head = f"{look.text(glyphs)}  "
    pieces: list[Piece] = [(head, look.tone)]
    if not findings:
        return [*pieces, ("Nothing needs attention.", "quiet")]
    first, key = findings[0], f" [{SCREEN_KEYS[findings[0].screen]}]"
    texts = [first.text + key, *(finding.text for finding in findings[1:])]
    fitting = _fitting(texts, width - len(head))
    for place, finding in enumerate(findings[:fitting]):
        pieces.append(((_BETWEEN if place else "") + texts[place], LOOKS[finding.severity].tone))
    left = len(findings) - max(1, fitting)
    more = _more(left)
    if fitting == 0:
        if width - len(head) - len(key) - len(more) < _LEAST:
            key, more = "", more.removesuffix(_ALL)
        room = width - len(head) - len(key) - len(more)
        pieces.append((fmt.cut(first.text, room, glyphs.cut) + key, LOOKS[first.severity].tone))
    return [*pieces, (more, "quiet")] if left else pieces


def _fitting(texts: Sequence[str], room: int) -> int:
    """Return how many of the texts fit, with the count of those that do not."""
    for number in range(len(texts), 0, -1):
        length = len(_BETWEEN.join(texts[:number])) + len(_more(len(texts) - number))
        if length <= room:
            return number
    return 0


def _more(number: int) -> str:
    """Return how many more there are, and the key that opens all of them."""
    return f" +{number} more{_ALL}" if number > 0 else ""
