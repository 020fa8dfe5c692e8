"""Figures over time with those of the time before."""

from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa

from appliance.admin.happenings import scaling
from appliance.admin.page_types import History, MetricsReport, Point, Series, Trend
from appliance.errors import InvalidRequest
from appliance.history.reading import load_recent, load_steps
from appliance.history.series import Definition, definitions
from appliance.history.steps import SHORTEST_S, start_of, step_for
from appliance.telemetry.slices import Slice, together

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
    step_s = step_for(window_s)
    windows = _windows(connection, now_s, window_s, step_s)
    known = definitions([each for each in (windows.whole, windows.before) if each is not None])
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InvalidRequest(f"There is no series '{unknown[0]}' in this window.")
    return History(
        server_time_s=now_s,
        window_s=window_s,
        step_s=float(step_s),
        series=tuple(_series(name, known[name], windows) for name in names),
        known=tuple(known),
        scaling=tuple(scaling(connection, now_s - window_s, now_s, MOST_SCALING)),
    )


def load_trends(connection: sa.Connection, now_s: float, window_s: float) -> MetricsReport:
    """Return the site's figures over a window beside those of the window before."""
    windows = _windows(connection, now_s, window_s, step_for(window_s))
    known = definitions([each for each in (windows.whole, windows.before) if each is not None])
    figures = []
    for name in TRENDS:
        if name in known:
            value, earlier = _both(known[name], windows)
            figures.append(
                Trend(name=name, unit=known[name].unit, value=value, before=earlier, change=_change(value, earlier))
            )
    return MetricsReport(server_time_s=now_s, window_s=window_s, figures=tuple(figures))


Slices = dict[int, Slice]


class _Windows(NamedTuple):
    """Two windows of whole steps side by side, the later one up to now."""

    now: Slices
    whole: Slice | None
    """All of the later window together: added up once, however many figures are asked for. None where nothing is."""
    before: Slice | None
    now_s: float
    since_s: float
    length_s: float
    step_s: int


def _windows(connection: sa.Connection, now_s: float, window_s: float, step_s: int) -> _Windows:
    length_s = max(1, round(window_s / step_s)) * step_s
    # The step that is not over counts as one of them.
    since_s = start_of(now_s, step_s) + step_s - length_s
    now = (
        load_recent(connection, now_s, now_s - since_s)
        if step_s == SHORTEST_S
        else load_steps(connection, step_s, since_s, now_s)
    )
    before = load_steps(connection, step_s, since_s - length_s, since_s)
    return _Windows(now, _whole(now), _whole(before), now_s, since_s, length_s, step_s)


def _whole(slices: Slices) -> Slice | None:
    return together(slices.values()) if slices else None


def _series(name: str, definition: Definition, windows: _Windows) -> Series:
    value, earlier = _both(definition, windows)
    return Series(
        name=name,
        unit=definition.unit,
        points=tuple(
            Point(float(at_s), _rounded(definition.figure(each, _length_s(at_s, windows))))
            for at_s, each in sorted(windows.now.items())
        ),
        overall=value,
        before=earlier,
        change=_change(value, earlier),
    )


def _length_s(at_s: int, windows: _Windows) -> float:
    """Return how much of a step is over: rates of a day that began an hour ago are those of an hour."""
    return min(float(windows.step_s), max(1.0, windows.now_s - at_s))


def _both(definition: Definition, windows: _Windows) -> tuple[float | None, float | None]:
    """Return a figure of both windows."""
    so_far_s = max(1.0, windows.now_s - windows.since_s)
    return _overall(definition, windows.whole, so_far_s), _overall(definition, windows.before, windows.length_s)


def _overall(definition: Definition, whole: Slice | None, length_s: float) -> float | None:
    # Where nothing was written at all, even a rate is not known.
    return None if whole is None else _rounded(definition.figure(whole, length_s))


def _change(value: float | None, before: float | None) -> float | None:
    return None if value is None or before is None else _rounded(value - before)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, SIGNIFICANT)
