"""Latency, caches and rates of the last minutes, from the history and what is on its way to it."""

from collections.abc import Mapping, Sequence

from appliance.admin.live_types import STAGES, WINDOW_S, CacheLevel, Rates, Spread, StageLatency
from appliance.history.series import ENDED, FAILED
from appliance.telemetry.slices import Slice, percentile, together

TREND_STEP_S = 30
ROUNDED_S = 4


def spread(steps: Mapping[int, int]) -> Spread:
    """Return how the seconds of a histogram are spread."""
    p50, p95, p99 = (
        None if (value := percentile(steps, share)) is None else round(value, ROUNDED_S) for share in (0.5, 0.95, 0.99)
    )
    return Spread(count=sum(steps.values()), p50_s=p50, p95_s=p95, p99_s=p99)


def latencies(recent: Mapping[int, Slice], now_s: float) -> tuple[StageLatency, ...]:
    """Return the latency of every stage, and of whole languages."""
    whole, trend = together(recent.values()), _by_half_minute(recent, now_s)
    names = {"total": ("latency", ""), **{stage: (f"worked.{stage}", f"waited.{stage}") for stage in STAGES}}
    return tuple(
        StageLatency(
            stage=stage,
            worked=spread(whole.seconds.get(worked, {})),
            waited=spread(whole.seconds.get(waited, {})),
            trend=tuple(spread(part.seconds.get(worked, {})).p95_s for part in trend),
        )
        for stage, (worked, waited) in names.items()
    )


def caches(recent: Mapping[int, Slice], now_s: float) -> tuple[CacheLevel, ...]:
    """Return what looks into each kind of kept things came to."""
    whole, trend = together(recent.values()), _by_half_minute(recent, now_s)
    kinds = sorted({name.rpartition(".")[0] for name in whole.counts if name.startswith("cache.")})
    return tuple(
        CacheLevel(
            level=kind.split(".")[1],
            kind=kind.split(".", 2)[2],
            hits=_counted(whole, f"{kind}.hit"),
            misses=_counted(whole, f"{kind}.miss"),
            trend=tuple(_hit_share(part, kind) for part in trend),
        )
        for kind in kinds
    )


def rates(recent: Mapping[int, Slice]) -> Rates:
    """Return what was asked and answered."""
    whole = together(recent.values())
    return Rates(
        jobs_per_minute=round(whole.counts.get("jobs_accepted", 0.0) / WINDOW_S * 60, 3) if recent else None,
        languages_ended=sum(_counted(whole, name) for name in ENDED),
        languages_failed=sum(_counted(whole, name) for name in FAILED),
        requests=_counted(whole, "requests"),
        refused=_counted(whole, "refused"),
        errors=_counted(whole, "errors"),
    )


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
