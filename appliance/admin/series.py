"""Figures over time with those of the time before."""

from collections.abc import Sequence

import sqlalchemy as sa

from appliance.admin.happenings import scaling
from appliance.admin.page_types import History, MetricsReport, Point, Series, Trend
from appliance.errors import InvalidRequest
from appliance.history.reading import load_recent, load_steps
from appliance.history.series import Definition, definitions
from appliance.history.steps import SHORTEST_S, step_for
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
    now, before = _windows(connection, now_s, window_s, step_s)
    known = definitions([*now.values(), *before.values()])
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InvalidRequest(f"There is no series '{unknown[0]}' in this window.")
    return History(
        server_time_s=now_s,
        window_s=window_s,
        step_s=float(step_s),
        series=tuple(_series(name, known[name], now, before, window_s, step_s) for name in names),
        known=tuple(known),
        scaling=tuple(scaling(connection, now_s - window_s, now_s, MOST_SCALING)),
    )


def load_trends(connection: sa.Connection, now_s: float, window_s: float) -> MetricsReport:
    """Return the site's figures over a window beside those of the window before."""
    now, before = _windows(connection, now_s, window_s, step_for(window_s))
    known = definitions([*now.values(), *before.values()])
    figures = []
    for name in TRENDS:
        if name in known:
            value, earlier = (_overall(known[name], slices.values(), window_s) for slices in (now, before))
            figures.append(
                Trend(name=name, unit=known[name].unit, value=value, before=earlier, change=_change(value, earlier))
            )
    return MetricsReport(server_time_s=now_s, window_s=window_s, figures=tuple(figures))


Slices = dict[int, Slice]


def _windows(connection: sa.Connection, now_s: float, window_s: float, step_s: int) -> tuple[Slices, Slices]:
    since_s = now_s - window_s
    now = (
        load_recent(connection, now_s, window_s)
        if step_s == SHORTEST_S
        else load_steps(connection, step_s, since_s, now_s)
    )
    return now, load_steps(connection, step_s, since_s - window_s, min(now, default=since_s))


def _series(name: str, definition: Definition, now: Slices, before: Slices, window_s: float, step_s: int) -> Series:
    value, earlier = (_overall(definition, slices.values(), window_s) for slices in (now, before))
    return Series(
        name=name,
        unit=definition.unit,
        points=tuple(
            Point(float(at_s), _rounded(definition.figure(each, step_s))) for at_s, each in sorted(now.items())
        ),
        overall=value,
        before=earlier,
        change=_change(value, earlier),
    )


def _overall(definition: Definition, slices: object, window_s: float) -> float | None:
    every = list(slices)  # type: ignore[call-overload]
    # Where nothing was written at all, even a rate is not known.
    return _rounded(definition.figure(together(every), window_s)) if every else None


def _change(value: float | None, before: float | None) -> float | None:
    return None if value is None or before is None else _rounded(value - before)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, SIGNIFICANT)
