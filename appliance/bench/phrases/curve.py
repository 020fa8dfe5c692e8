"""The replay's curve for people."""

from collections.abc import Sequence

from rich.console import Group
from rich.table import Table
from rich.text import Text

from appliance.bench.phrases.replay import WINDOW, Replayed, Window

_BARS = "▁▂▃▄▅▆▇█"


def sparkline(rates: Sequence[float]) -> str:
    """Return shares from 0 to 1 as bars: the lowest is nothing, the highest everything."""
    return "".join(_BARS[min(len(_BARS) - 1, int(rate * len(_BARS)))] for rate in rates)


def curve(replayed: Replayed) -> Group:
    """Return the windows as a table with both curves under it."""
    table = Table(title=f"phrase library, {replayed.requests} requests, seed {replayed.seed}")
    for heading in ("requests", "hit rate", "corpus", "grown", "own", "missed", "size", "without growth", "again"):
        table.add_column(heading, justify="right")
    for number, (grown, control, again) in enumerate(
        zip(replayed.growing, replayed.control, replayed.control_again, strict=True)
    ):
        table.add_row(
            f"{number * WINDOW + 1}-{(number + 1) * WINDOW}", f"{grown.hit_rate:.2f}", str(grown.corpus_hits),
            str(grown.grown_hits), str(grown.own_hits), str(grown.misses), f"{grown.size:,}",
            f"{control.hit_rate:.2f}", f"{again.hit_rate:.2f}",
        )  # fmt: skip
    verdict = replayed.verdict.replace("_", " ")
    return Group(
        table,
        Text(f"with growth    {_line(replayed.growing)}  rises by {replayed.rise:+.3f}"),
        Text(f"without        {_line(replayed.control)}  rises by {replayed.control_rise:+.3f}"),
        Text(f"control against itself: {replayed.control_difference:.3f} at most; {verdict} {replayed.check}".rstrip()),
    )


def _line(windows: Sequence[Window]) -> str:
    return sparkline([window.hit_rate for window in windows])
