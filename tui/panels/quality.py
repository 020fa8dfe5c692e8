"""How good translations and voices are, as lines."""

from appliance.admin.schema import Snapshot
from tui import format as fmt
from tui.glyphs import Glyphs, Line, Piece
from tui.verdict import SIMILARITY_FALL, WER_RISE


def change(now: float | None, before: float | None, glyphs: Glyphs, *, lower_is_better: bool) -> Piece:
    """Return a sign for a change since the window before: up, down, or the same within 0.01."""
    if now is None or before is None:
        return (" ", "quiet")
    if abs(now - before) < 0.01:
        return (glyphs.same, "quiet")
    sign = glyphs.up if now > before else glyphs.down
    better = (now < before) == lower_is_better
    bound = WER_RISE if lower_is_better else SIMILARITY_FALL
    return (sign, "good" if better else "warn" if abs(now - before) > bound else "plain")


def quality_lines(snapshot: Snapshot, width: int, glyphs: Glyphs) -> list[Line]:
    """Return a heading and one line per language pair, then one per kind of voice; a sign says whether it rose."""
    quality = snapshot.quality
    if not (quality.pairs or quality.voices):
        return [[("Nothing was measured in this window.", "quiet")]]
    wide = width >= 60
    titles = f"{'':<10}{'spoken':>7}{'WER':>6} {'alike':>6} "
    more = f"{'review':>7}{'failed':>7}{'rating':>7}" if wide else ""
    lines: list[Line] = [[(titles + more, "quiet")]]
    for pair in quality.pairs:
        name = fmt.cut(f"{pair.source}>{pair.target}", 10, glyphs.cut)
        rest = f"{fmt.count(pair.needs_review):>7}{fmt.count(pair.failed):>7}{fmt.number(pair.rating, 1):>7}"
        lines.append(
            [
                (f"{name:<10}{fmt.count(pair.spoken):>7}{fmt.number(pair.wer, 2):>6}", "plain"),
                change(pair.wer, pair.wer_before, glyphs, lower_is_better=True),
                (f"{fmt.number(pair.similarity, 2):>6}", "plain"),
                change(pair.similarity, pair.similarity_before, glyphs, lower_is_better=False),
                (rest if wide else "", "plain"),
            ]
        )
    for voice in quality.voices:
        lines.append(
            [
                (f"{fmt.cut(voice.voice, 10, glyphs.cut):<10}{fmt.count(voice.spoken):>7}", "plain"),
                (f"{fmt.number(voice.wer, 2):>6} {fmt.number(voice.similarity, 2):>6}", "plain"),
                change(voice.similarity, voice.similarity_before, glyphs, lower_is_better=False),
            ]
        )
    return lines
