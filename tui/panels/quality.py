"""How good translations and voices are, as lines."""

from appliance.admin.schema import SIMILARITY_FALL, WER_RISE, PairQuality, Quality, VoiceQuality
from tui import format as fmt
from tui.change import CHANGE_WIDTH, change
from tui.glyphs import Glyphs, Line

_NAME = 10
_WIDE_FROM = _NAME + 7 + 6 + 6 + 2 * CHANGE_WIDTH + 3 * 7
"""From this width on, changes stand with their figures, and what was reviewed, failed and rated beside them."""


def quality_lines(quality: Quality, width: int, glyphs: Glyphs) -> list[Line]:
    """Return a heading, a line for all, one per language pair and one per kind of voice, each with its changes."""
    if not (quality.pairs or quality.voices):
        return [[("Nothing was measured in this window.", "quiet")]]
    wide = width >= _WIDE_FROM
    gap = CHANGE_WIDTH if wide else 1
    more = f"{'review':>7}{'failed':>7}{'rating':>7}" if wide else ""
    titles = f"{'':<{_NAME}}{'spoken':>7}{'WER':>6}{'':<{gap}}{'alike':>6}{'':<{gap}}"
    lines: list[Line] = [[((titles + more).rstrip(), "quiet")]]
    if wide:
        lines.append(_line("all", quality, glyphs, wide))
    for pair in quality.pairs:
        rest = f"{fmt.count(pair.needs_review):>7}{fmt.count(pair.failed):>7}{fmt.number(pair.rating, 1):>7}"
        lines.append([*_line(f"{pair.source}>{pair.target}", pair, glyphs, wide), (rest if wide else "", "plain")])
    if quality.pairs_left_out:
        lines.append([(f"and {fmt.plural(quality.pairs_left_out, 'pair')} more", "quiet")])
    lines += [_line(voice.voice, voice, glyphs, wide) for voice in quality.voices]
    return lines


def _line(name: str, of: Quality | PairQuality | VoiceQuality, glyphs: Glyphs, wide: bool) -> Line:
    name = fmt.cut(name, _NAME, glyphs.cut)
    return [
        (f"{name:<{_NAME}}{fmt.count(of.spoken):>7}{fmt.number(of.wer, 2):>6}", "plain"),
        change(of.wer, of.wer_before, glyphs, bound=WER_RISE, lower_is_better=True, figure=wide),
        (f"{fmt.number(of.similarity, 2):>6}", "plain"),
        change(of.similarity, of.similarity_before, glyphs, bound=SIMILARITY_FALL, figure=wide),
    ]
