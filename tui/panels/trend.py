"""Figures over days or months, as lines of bars."""

from collections.abc import Collection, Sequence

from appliance.admin.schema import PAIR_COUNT, SIMILARITY_FALL, WER_RISE, History, Point, Quality, Series
from tui import format as fmt
from tui.bars import line
from tui.change import CHANGE_WIDTH, change
from tui.glyphs import Glyphs, Line
from tui.panels.cache import FALL

LABELS = {
    "wer": "WER",
    "similarity": "alike",
    "needs_review_share": "to review",
    "failed_share": "failed",
    "cache.l1": "hits l1",
    "cache.l2": "hits l2",
    "cache.l3": "hits l3",
}
"""Series of the whole site that are drawn, by what they are called here; all are ratios."""
FIRST = ("wer", "similarity")
"""Of these the ones that stand above pairs and voices."""
PAIR, VOICE = "wer.pair.", "similarity.voice."
"""How the names of series begin that tell of one pair of languages, and of one kind of voice."""
WORST_PAIRS = 3
_SHARE_BOUND = 0.02
_NAME = 11
_MEASURED = " WER"
_FIGURES = _NAME + 6 + CHANGE_WIDTH


def drawn_of(known: Collection[str], quality: Quality) -> tuple[str, ...]:
    """Return which series to draw, from the top: of pairs those with the most errors, of voices each kind."""
    measured = [pair for pair in quality.pairs if pair.wer is not None]
    # One that was hardly spoken has any figure: it comes after those that tell something.
    worst = sorted(measured, key=lambda pair: (pair.spoken >= PAIR_COUNT, pair.wer or 0.0), reverse=True)[:WORST_PAIRS]
    pairs = [f"{PAIR}{pair.source}>{pair.target}" for pair in worst]
    voices = [f"{VOICE}{voice.voice}" for voice in quality.voices]
    names = (*FIRST, *pairs, *voices, *(name for name in LABELS if name not in FIRST))
    return tuple(name for name in names if name in known)


def trend_lines(history: History, width: int, glyphs: Glyphs) -> list[Line]:
    """Return one line per series: the whole window's figure, its change since the window before, bars over time.

    What the pools did is counted in the last line.
    """
    room = max(0, width - _FIGURES - 1)
    lines = [_line(series, history, room, glyphs) for series in history.series if _label(series.name)]
    if history.scaling:
        lines.append(_pools(history, room, glyphs))
    return lines or [[("Nothing was measured in this window.", "quiet")]]


def _label(name: str) -> str:
    """Return what a series is called here, nothing for one that is not drawn."""
    if name.startswith(PAIR):
        pair = name.removeprefix(PAIR)
        # Which pair it is matters more than what is measured, which no other series of a pair is.
        return pair if len(pair) + len(_MEASURED) >= _NAME else f"{pair}{_MEASURED}"
    return name.removeprefix(VOICE) if name.startswith(VOICE) else LABELS.get(name, "")


def _line(series: Series, history: History, room: int, glyphs: Glyphs) -> Line:
    columns = over_time(series.points, history.server_time_s, history.window_s, room)
    higher_is_better = series.name.startswith(("similarity", "cache."))
    top = max([1.0 if higher_is_better else 0.0, *(each for each in columns if each is not None)])
    label = fmt.cut(_label(series.name), _NAME - 1, glyphs.cut)
    return [
        (f"{label:<{_NAME}}{fmt.number(series.overall, 2):>6}", "plain"),
        change(
            series.overall,
            series.before,
            glyphs,
            bound=_bound(series.name),
            lower_is_better=not higher_is_better,
            figure=True,
        ),
        (" " + line(columns, room, top, glyphs), "good"),
    ]


def _bound(name: str) -> float:
    bounds = {"wer": WER_RISE, "similarity": SIMILARITY_FALL, "cache": FALL}
    return bounds.get(name.split(".")[0], _SHARE_BOUND)


def _pools(history: History, room: int, glyphs: Glyphs) -> Line:
    """Return how often pools did something, with bars of when; what is only counted stands before the first of them."""
    until_s, window_s = history.server_time_s, history.window_s
    times = [event.at_s for event in history.scaling]
    # Of those that are left out nobody knows when they were: a gap, where no bar would read as nothing.
    since_s = min(times) if history.scaling_left_out else until_s - window_s
    columns: list[float | None] = []
    for column in range(room):
        begin_s = until_s - window_s + column * window_s / room
        end_s = begin_s + window_s / room
        count = sum(begin_s <= at_s < end_s for at_s in times) + (column == room - 1) * times.count(until_s)
        columns.append(float(count) if end_s > since_s else None)
    top = max((each for each in columns if each), default=1.0)
    count = len(times) + history.scaling_left_out
    return [
        (f"{'pools did':<{_NAME}}{fmt.count(count):>6}{'':<{CHANGE_WIDTH}}", "plain"),
        (" " + line(columns, room, top, glyphs), "note"),
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
