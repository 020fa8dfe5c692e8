"""Bars and lines of bars with a fixed top: 97 to 99 percent look like almost all, not like a mountain range."""

from collections.abc import Sequence

from tui.glyphs import Glyphs


def level(value: float, top: float, glyphs: Glyphs) -> str:
    """Return one bar for a value between 0 and top; what lies beyond the top is as high as the top."""
    share = min(1.0, max(0.0, value / top)) if top > 0 else 0.0
    return glyphs.bars[min(len(glyphs.bars) - 1, int(share * len(glyphs.bars)))]


def line(values: Sequence[float | None], width: int, top: float, glyphs: Glyphs) -> str:
    """Return the newest values as bars, oldest first and flush right; None is a gap.

    More values than columns are gathered, each column showing the largest of its values: a peak of one second stays
    visible in an hour.
    """
    columns = gathered(values, width)
    drawn = "".join(glyphs.gap if value is None else level(value, top, glyphs) for value in columns)
    return drawn.rjust(width)


def gathered(values: Sequence[float | None], width: int) -> list[float | None]:
    """Return at most `width` values, each the largest of equally many neighbours."""
    if width <= 0:
        return []
    per_column = max(1, -(-len(values) // width))
    groups = [values[max(0, end - per_column) : end] for end in range(len(values), 0, -per_column)]
    return [max((value for value in group if value is not None), default=None) for group in reversed(groups)]


def meter(ratio: float | None, width: int, glyphs: Glyphs) -> str:
    """Return a horizontal bar of a ratio; the full width is 1, and more is as full."""
    if ratio is None or ratio <= 0:
        return " " * width
    filled = max(1, round(min(1.0, ratio) * width))
    return (glyphs.full * filled).ljust(width)
