"""How long each stage takes, as lines."""

from appliance.admin.schema import Snapshot, Spread
from tui import format as fmt
from tui.bars import line
from tui.glyphs import Glyphs, Line

_NAME, _FIGURE = 11, 7
TREND_WIDTH = 20
_WAIT_FROM = 74
"""From this width on, waiting stands beside working."""


def latency_lines(snapshot: Snapshot, width: int, glyphs: Glyphs) -> list[Line]:
    """Return a heading and one line per stage: p50, p95, p99 in seconds, count, and the trend of p95 where it fits.

    The top of a trend is the largest value in it: what matters is whether a stage gets slower.
    """
    if not snapshot.latency:
        return [[("Nothing was measured in this window.", "quiet")]]
    waits = width >= _WAIT_FROM
    room = width - _NAME - _FIGURE * (7 if waits else 4) - 2
    heading = f"{'stage':<{_NAME}}" + _titles("") + (_titles("w ") if waits else "") + f"{'count':>{_FIGURE}}"
    lines: list[Line] = [[(heading + ("  p95 trend" if room >= 10 else ""), "quiet")]]
    for stage in snapshot.latency:
        text = f"{fmt.cut(stage.stage, _NAME - 1, glyphs.cut):<{_NAME}}" + _spread(stage.worked)
        text += (_spread(stage.waited) if waits else "") + f"{fmt.count(stage.worked.count):>{_FIGURE}}"
        top = max((value for value in stage.trend if value is not None), default=0.0)
        bars = line(stage.trend, min(room, TREND_WIDTH), top, glyphs) if room >= 10 else ""
        lines.append([(text, "plain"), (f"  {bars}", "good")])
    return lines


def _titles(prefix: str) -> str:
    return "".join(f"{prefix + name:>{_FIGURE}}" for name in ("p50", "p95", "p99"))


def _spread(spread: Spread) -> str:
    return "".join(f"{fmt.seconds(value):>{_FIGURE}}" for value in (spread.p50_s, spread.p95_s, spread.p99_s))
