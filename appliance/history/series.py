"""Series of figures: what each name means, computed from slices."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from appliance.history.reading import Names, Wanted
from appliance.telemetry.slices import Slice, percentile

Figure = Callable[[Slice, float], float | None]
"""A figure of a slice that is so many seconds long; None where nothing was measured."""
PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
_UNITS = {"utilisation": "ratio", "memory_used_bytes": "bytes", "power_w": "w"}
"""Of levels, by the last part of their name; the others count items."""
FAILED = ("ended.failed",)
ENDED = ("ended.done", "ended.needs_review", "ended.failed", "ended.cancelled")
_COUNTED = frozenset({"jobs_accepted", "requests", "refused", "ended.cached", *ENDED})
"""What the series that there always are come from."""


class Definition(NamedTuple):
    """A series: its unit and how a slice's figure is computed."""

    unit: str
    figure: Figure


def definitions(names: Names) -> Mapping[str, Definition]:
    """Return every series that can be computed from slices with these names, by its own name."""
    found = dict(_ALWAYS)
    for name in names.seconds:
        for label, share in PERCENTILES.items():
            found[f"{name}_{label}"] = Definition("s", _percentile(name, share))
    for name in names.counts:
        if name.endswith(".of"):
            found[name.removesuffix(".of")] = Definition("ratio", _mean(name.removesuffix(".of")))
        if name.startswith("cache."):
            kind = name.rpartition(".")[0]
            level = ".".join(kind.split(".")[:2])
            found[kind] = Definition("ratio", _share((f"{kind}.hit",), (f"{kind}.hit", f"{kind}.miss")))
            found[level] = Definition("ratio", _hits_of(level))
    for name in names.levels:
        found[name] = Definition(_UNITS.get(name.rpartition(".")[2], "items"), _level(name))
    return dict(sorted(found.items()))


def needed(series: Iterable[str]) -> Wanted:
    """Return which names of slices these series are computed from, whether or not there are such series."""
    asked = set(series)
    exact = {
        *_COUNTED,
        *asked,
        *(f"{name}.{part}" for name in asked for part in ("sum", "of")),
        *(name.rpartition("_")[0] for name in asked),
    }
    below = tuple(f"{name}." for name in asked if name.startswith("cache."))
    return lambda name: name in exact or name.startswith(below)


def _total(each: Slice, names: Iterable[str]) -> float:
    return sum(each.counts.get(name, 0.0) for name in names)


def _per_minute(*names: str) -> Figure:
    return lambda each, length_s: _total(each, names) / length_s * 60.0


def _share(part: tuple[str, ...], whole: tuple[str, ...]) -> Figure:
    def figure(each: Slice, length_s: float) -> float | None:
        of = _total(each, whole)
        return _total(each, part) / of if of else None

    return figure


def _hits_of(level: str) -> Figure:
    def figure(each: Slice, length_s: float) -> float | None:
        mine = [name for name in each.counts if name.startswith(f"{level}.")]
        of = _total(each, mine)
        return _total(each, [name for name in mine if name.endswith(".hit")]) / of if of else None

    return figure


def _mean(name: str) -> Figure:
    return _share((f"{name}.sum",), (f"{name}.of",))


def _percentile(name: str, share: float) -> Figure:
    return lambda each, length_s: percentile(each.seconds.get(name, {}), share)


def _level(name: str) -> Figure:
    def figure(each: Slice, length_s: float) -> float | None:
        total, looks, _ = each.levels.get(name, (0.0, 0.0, 0.0))
        return total / looks if looks else None

    return figure


_ALWAYS: Mapping[str, Definition] = {
    "jobs_per_minute": Definition("per_minute", _per_minute("jobs_accepted")),
    "requests_per_minute": Definition("per_minute", _per_minute("requests")),
    "refusals_per_minute": Definition("per_minute", _per_minute("refused")),
    "languages_per_minute": Definition("per_minute", _per_minute(*ENDED)),
    "failed_share": Definition("ratio", _share(FAILED, ENDED)),
    "cached_share": Definition("ratio", _share(("ended.cached",), ("ended.done", "ended.needs_review"))),
    "needs_review_share": Definition("ratio", _share(("ended.needs_review",), ("ended.done", "ended.needs_review"))),
}
