"""What the caches answer, as lines: in the last minutes with a trend, over longer windows with the change."""

from appliance.admin.schema import CacheLevel, Quality, Snapshot
from tui import format as fmt
from tui.bars import line
from tui.change import change
from tui.glyphs import Glyphs, Line

FALL = 0.1
"""A share of hits that fell by more needs a look."""


def hit_ratio(cache: CacheLevel) -> float | None:
    """Return hits of all look-ups, None where nothing was looked up."""
    asked = cache.hits + cache.misses
    return cache.hits / asked if asked else None


def cache_lines(snapshot: Snapshot, width: int, glyphs: Glyphs) -> list[Line]:
    """Return one line per level and kind: share of hits, look-ups, and the trend where it fits."""
    if not snapshot.caches:
        return [[("Nothing was looked up in this window.", "quiet")]]
    lines: list[Line] = []
    for cache in snapshot.caches:
        text = f"{fmt.cut(f'{cache.level} {cache.kind}', 17, glyphs.cut):<17}{fmt.percent(hit_ratio(cache)):>5} hit"
        asked = f"{fmt.count(cache.hits + cache.misses):>7}"
        room = width - len(text) - len(asked) - 2
        bars = line(cache.trend, min(room, 20), 1.0, glyphs) if room >= 8 else ""
        lines.append([(text, "plain"), (asked, "quiet"), (f"  {bars}", "good")])
    return lines


def window_cache_lines(quality: Quality, glyphs: Glyphs) -> list[Line]:
    """Return one line per level, and per kind of it: share of hits, its change since the window before, look-ups."""
    if not quality.caches:
        return [[("Nothing was looked up in this window.", "quiet")]]
    lines: list[Line] = [[(f"{'':<17}{'hit':>5}{'':<8}{'asked':>7}", "quiet")]]
    for cache in quality.caches:
        name = f"  {cache.kind}" if cache.kind else cache.level
        lines.append(
            [
                (f"{fmt.cut(name, 17, glyphs.cut):<17}{fmt.percent(cache.share):>5}", "plain"),
                change(cache.share, cache.share_before, glyphs, bound=FALL, figure=True, percent=True),
                (f"{fmt.count(cache.hits + cache.misses):>7}", "quiet"),
            ]
        )
    return lines
