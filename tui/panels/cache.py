"""What the caches answer, as lines."""

from appliance.admin.schema import CacheLevel, Snapshot
from tui import format as fmt
from tui.bars import line
from tui.glyphs import Glyphs, Line


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
