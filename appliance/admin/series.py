"""Figures over time with those of the time before."""

from collections.abc import Sequence

import sqlalchemy as sa

from appliance.admin.happenings import count_scaling, scaling
from appliance.admin.page_types import History, MetricsReport, Point, Series, Trend
from appliance.errors import InvalidRequest
from appliance.history.series import Definition, definitions, needed
from appliance.history.windows import Windows, load_windows
from appliance.telemetry.slices import Slice

MOST_SCALING = 50
SIGNIFICANT = 5
TRENDS = (
    "jobs_per_minute", "requests_per_minute", "refusals_per_minute", "languages_per_minute", "failed_share",
    "cached_share", "needs_review_share", "latency_p50", "latency_p95", "latency_p99", "cache.l1", "cache.l2",
    "cache.l3", "wer", "similarity", "depth.p0", "depth.p1", "depth.p2", "workers",
)  # fmt: skip


def load_history(connection: sa.Connection, now_s: float, window_s: float, names: Sequence[str]) -> History:
    """Return series over a window that ends now, in the steps that it is kept in.

    InvalidRequest for a name that nothing is known of; `known` has those that there are.
    """
    windows = load_windows(connection, now_s, window_s, needed(names))
    known = definitions(windows.names)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InvalidRequest(f"There is no series '{unknown[0]}' in this window.")
    done = tuple(scaling(connection, now_s - window_s, now_s, MOST_SCALING))
    return History(
        server_time_s=now_s,
        window_s=window_s,
        step_s=float(windows.step_s),
        series=tuple(_series(name, known[name], windows) for name in names),
        known=tuple(known),
        scaling=done,
        scaling_left_out=max(0, count_scaling(connection, now_s - window_s) - len(done)),
    )


def load_trends(connection: sa.Connection, now_s: float, window_s: float) -> MetricsReport:
    """Return the site's figures over a window beside those of the window before."""
    windows = load_windows(connection, now_s, window_s, needed(TRENDS))
    known = definitions(windows.names)
    figures = []
    for name in TRENDS:
        if name in known:
            value, earlier = _both(known[name], windows)
            figures.append(
                Trend(name=name, unit=known[name].unit, value=value, before=earlier, change=_change(value, earlier))
            )
    return MetricsReport(server_time_s=now_s, window_s=window_s, figures=tuple(figures))


def _series(name: str, definition: Definition, windows: Windows) -> Series:
    value, earlier = _both(definition, windows)
    return Series(
        name=name,
        unit=definition.unit,
        points=tuple(
            Point(float(at_s), _rounded(definition.figure(each, _length_s(at_s, windows))))
            for at_s, each in windows.now.slices.items()
        ),
        overall=value,
        before=earlier,
        change=_change(value, earlier),
    )


def _length_s(at_s: int, windows: Windows) -> float:
    """Return how much of a step is over: rates of a day that began an hour ago are those of an hour."""
    return windows.covered_s(at_s, at_s + windows.step_s)


def _both(definition: Definition, windows: Windows) -> tuple[float | None, float | None]:
    """Return a figure of both windows."""
    return (
        _overall(definition, windows.whole, windows.whole_s),
        _overall(definition, windows.before, windows.before_s),
    )


def _overall(definition: Definition, whole: Slice | None, length_s: float) -> float | None:
    # Where nothing was written at all, even a rate is not known.
    return None if whole is None else _rounded(definition.figure(whole, length_s))


def _change(value: float | None, before: float | None) -> float | None:
    return None if value is None or before is None else _rounded(value - before)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, SIGNIFICANT)
