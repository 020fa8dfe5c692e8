"""Figures over days or months, as lines of bars."""

from collections.abc import Sequence

from appliance.admin.schema import History, Point, Series
from tui import format as fmt
from tui.bars import line
from tui.change import change
from tui.glyphs import Glyphs, Line
from tui.panels.cache import FALL
from tui.verdict import SIMILARITY_FALL, WER_RISE

LABELS = {
    "wer": "WER",
    "similarity": "alike",
    "needs_review_share": "to review",
    "failed_share": "failed",
    "cache.l1": "hits l1",
    "cache.l2": "hits l2",
    "cache.l3": "hits l3",
}
"""Series that are drawn, by what they are called here; all are ratios."""
_BOUNDS = {"wer": WER_RISE, "similarity": SIMILARITY_FALL, "cache.l1": FALL, "cache.l2": FALL, "cache.l3": FALL}
_SHARE_BOUND = 0.02
_HIGHER_IS_BETTER = ("similarity", "cache.l1", "cache.l2", "cache.l3")
_FIGURES = 11 + 6 + 8


def trend_lines(history: History, width: int, glyphs: Glyphs) -> list[Line]:
    """Return one line per series: the whole window's figure, its change since the window before, bars over time."""
    drawn = [series for series in history.series if series.name in LABELS]
    if not drawn:
        return [[("Nothing was measured in this window.", "quiet")]]
    return [_line(series, history, max(0, width - _FIGURES - 1), glyphs) for series in drawn]


def _line(series: Series, history: History, room: int, glyphs: Glyphs) -> Line:
    columns = over_time(series.points, history.server_time_s, history.window_s, room)
    top = max([1.0 if series.name in _HIGHER_IS_BETTER else 0.0, *(each for each in columns if each is not None)])
    return [
        (f"{LABELS[series.name]:<11}{fmt.number(series.overall, 2):>6}", "plain"),
        change(
            series.overall,
            series.before,
            glyphs,
            bound=_BOUNDS.get(series.name, _SHARE_BOUND),
            lower_is_better=series.name not in _HIGHER_IS_BETTER,
            figure=True,
        ),
        (" " + line(columns, room, top, glyphs), "good"),
    ]


def over_time(points: Sequence[Point], until_s: float, window_s: float, columns: int) -> list[float | None]:
    """Return the mean of the points in each of equally long stretches of a window; None where nothing was measured."""
    gathered: list[list[float]] = [[] for _ in range(columns)]
    for point in points:
        place = int((point.at_s - (until_s - window_s)) / window_s * columns)
        if point.value is not None and columns:
            # The oldest step may have begun a moment before the window.
            gathered[max(0, min(columns - 1, place))].append(point.value)
    return [sum(values) / len(values) if values else None for values in gathered]
