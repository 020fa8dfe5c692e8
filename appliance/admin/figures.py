"""Latency, caches and rates of the last minutes, from the history and what is on its way to it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from appliance.admin.live_types import (
    PRIORITIES,
    STAGES,
    WINDOW_S,
    Admission,
    CacheLevel,
    Rates,
    Spread,
    StageLatency,
)
from appliance.history.reading import load_recent
from appliance.history.series import ENDED, FAILED
from appliance.telemetry.slices import Slice, percentile, together

TREND_STEP_S = 30
ROUNDED_S = 4
_NAMES = (
    "latency",
    "worked.",
    "waited.",
    "cache.",
    "ended.",
    "jobs_accepted",
    "admitted.",
    "requests",
    "refused",
    "errors",
)
"""What these figures are made of; pairs of languages, cards and lanes are not read for them."""


class RecentFigures(NamedTuple):
    """The last `WINDOW_S`, added up once for all figures: as a whole and by the half minute, the oldest first."""

    whole: Slice
    trend: Sequence[Slice]
    measured: bool

    def latencies(self) -> tuple[StageLatency, ...]:
        """Return the latency of every stage, and of whole languages."""
        names = {"total": ("latency", ""), **{stage: (f"worked.{stage}", f"waited.{stage}") for stage in STAGES}}
        return tuple(
            StageLatency(
                stage=stage,
                worked=spread(self.whole.seconds.get(worked, {})),
                waited=spread(self.whole.seconds.get(waited, {})),
                trend=tuple(spread(part.seconds.get(worked, {})).p95_s for part in self.trend),
            )
            for stage, (worked, waited) in names.items()
        )

    def caches(self) -> tuple[CacheLevel, ...]:
        """Return what looks into each kind of kept things came to."""
        kinds = sorted({name.rpartition(".")[0] for name in self.whole.counts if name.startswith("cache.")})
        return tuple(
            CacheLevel(
                level=kind.split(".")[1],
                kind=kind.split(".", 2)[2],
                hits=_counted(self.whole, f"{kind}.hit"),
                misses=_counted(self.whole, f"{kind}.miss"),
                trend=tuple(_hit_share(part, kind) for part in self.trend),
            )
            for kind in kinds
        )

    def rates(self) -> Rates:
        """Return what was asked and answered."""
        accepted = self.whole.counts.get("jobs_accepted", 0.0)
        return Rates(
            jobs_per_minute=round(accepted / WINDOW_S * 60, 3) if self.measured else None,
            languages_ended=sum(_counted(self.whole, name) for name in ENDED),
            languages_failed=sum(_counted(self.whole, name) for name in FAILED),
            requests=_counted(self.whole, "requests"),
            refused=_counted(self.whole, "refused"),
            errors=_counted(self.whole, "errors"),
            admission=tuple(
                Admission(priority=priority, admitted=_counted(self.whole, f"admitted.p{priority}"), refused=refused)
                for priority in PRIORITIES
                if (refused := _counted(self.whole, f"refused.p{priority}"))
            ),
        )


def load_recent_figures(connection: sa.Connection, now_s: float) -> RecentFigures:
    """Return what the figures of the last `WINDOW_S` are made of."""
    recent = load_recent(connection, now_s, WINDOW_S, lambda name: name.startswith(_NAMES)).slices
    trend = _by_half_minute(recent, now_s)
    return RecentFigures(together(recent.values()), trend, bool(recent))


def spread(steps: Mapping[int, int]) -> Spread:
    """Return how the seconds of a histogram are spread."""
    p50, p95, p99 = (
        None if (value := percentile(steps, share)) is None else round(value, ROUNDED_S) for share in (0.5, 0.95, 0.99)
    )
    return Spread(count=sum(steps.values()), p50_s=p50, p95_s=p95, p99_s=p99)


def _by_half_minute(recent: Mapping[int, Slice], now_s: float) -> Sequence[Slice]:
    parts = [Slice() for _ in range(round(WINDOW_S / TREND_STEP_S))]
    for at_s, each in recent.items():
        place = len(parts) - 1 - int((now_s - at_s) // TREND_STEP_S)
        if 0 <= place < len(parts):
            parts[place].add(each)
    return parts


def _hit_share(part: Slice, kind: str) -> float | None:
    hits, misses = part.counts.get(f"{kind}.hit", 0.0), part.counts.get(f"{kind}.miss", 0.0)
    return round(hits / (hits + misses), ROUNDED_S) if hits + misses else None


def _counted(whole: Slice, name: str) -> int:
    return round(whole.counts.get(name, 0.0))
