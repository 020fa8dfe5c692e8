"""How a snapshot is made to fit: it goes to every console every two seconds, over links that are not all fast."""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import msgspec

from appliance.admin.live_types import Gpu, Lane, Snapshot

MOST_BYTES = 20_000
FEWEST_EVENTS, FEWEST_WORKERS, FEWEST_GPUS, FEWEST_PAIRS, FEWEST_HOSTS = 5, 8, 8, 3, 4
SHORT_REASON = 40
"""Letters of why a lane is paused, where there is no room for all of it; the audit has the rest."""
SHORT_TEXT = 80
"""Letters of what happened or is wrong, where there is no room for all of it; the audit or `meeshy status` has it."""

_Holder = TypeVar("_Holder", bound=msgspec.Struct)
_Told = TypeVar("_Told", bound=msgspec.Struct)
_Cut = Callable[[Snapshot], Snapshot | None]
"""Returns the snapshot with a little less of something, None where nothing of it can go (any more)."""


def fitted(snapshot: Snapshot) -> Snapshot:
    """Return the snapshot with as much as its size allows; what is told first of each kind goes last."""
    for cut in _CUTS:
        while len(msgspec.json.encode(snapshot)) > MOST_BYTES and (smaller := cut(snapshot)) is not None:
            snapshot = smaller
    return snapshot


def _fewer_events(snapshot: Snapshot) -> Snapshot | None:
    kept = _kept(len(snapshot.events), FEWEST_EVENTS)
    return None if kept is None else msgspec.structs.replace(snapshot, events=snapshot.events[:kept])


def _no_reasons_of_instances(snapshot: Snapshot) -> Snapshot | None:
    """Leave out what MIG instances do not tell: none of them does."""
    if not any(map(_repeats, snapshot.gpus)):
        return None
    gpus = tuple(msgspec.structs.replace(gpu, errors=()) if _repeats(gpu) else gpu for gpu in snapshot.gpus)
    return msgspec.structs.replace(snapshot, gpus=gpus)


def _repeats(gpu: Gpu) -> bool:
    return gpu.instance is not None and gpu.lost is None and bool(gpu.errors)


def _shorter_reasons(snapshot: Snapshot) -> Snapshot | None:
    lanes = tuple(map(_short, snapshot.lanes))
    return None if lanes == snapshot.lanes else msgspec.structs.replace(snapshot, lanes=lanes)


def _short(lane: Lane) -> Lane:
    if lane.paused_reason is None:
        return lane
    return msgspec.structs.replace(lane, paused_reason=_cut(lane.paused_reason, SHORT_REASON))


def _fewer_pairs(snapshot: Snapshot) -> Snapshot | None:
    quality = _fewer_of(snapshot.quality, "pairs", FEWEST_PAIRS)
    return None if quality is None else msgspec.structs.replace(snapshot, quality=quality)


def _no_trends(snapshot: Snapshot) -> Snapshot | None:
    if not any(each.trend for each in (*snapshot.latency, *snapshot.caches)):
        return None
    return msgspec.structs.replace(
        snapshot,
        latency=tuple(msgspec.structs.replace(each, trend=()) for each in snapshot.latency),
        caches=tuple(msgspec.structs.replace(each, trend=()) for each in snapshot.caches),
    )


def _no_advice(snapshot: Snapshot) -> Snapshot | None:
    """Leave out what to do: the same as `meeshy status` says, and what is wrong is told."""
    findings = snapshot.findings
    if not any(each.do for each in findings.attention):
        return None
    attention = tuple(msgspec.structs.replace(each, do="") for each in findings.attention)
    return msgspec.structs.replace(snapshot, findings=msgspec.structs.replace(findings, attention=attention))


def _shorter_findings(snapshot: Snapshot) -> Snapshot | None:
    findings = snapshot.findings
    shorter = msgspec.structs.replace(
        findings, health=_shorter(findings.health, "says"), attention=_shorter(findings.attention, "says")
    )
    return None if shorter == findings else msgspec.structs.replace(snapshot, findings=shorter)


def _shorter_events(snapshot: Snapshot) -> Snapshot | None:
    events = _shorter(snapshot.events, "text")
    return None if events == snapshot.events else msgspec.structs.replace(snapshot, events=events)


def _fewer_of(holder: _Holder, name: str, fewest: int) -> _Holder | None:
    """Return a holder of a list without the last few, which its `…_left_out` counts; None where no more may go."""
    told = getattr(holder, name)
    kept = _kept(len(told), fewest)
    if kept is None:
        return None
    left_out = getattr(holder, f"{name}_left_out") + len(told) - kept
    return msgspec.structs.replace(holder, **{name: told[:kept], f"{name}_left_out": left_out})


def _shorter(told: tuple[_Told, ...], field: str) -> tuple[_Told, ...]:
    return tuple(msgspec.structs.replace(each, **{field: _cut(getattr(each, field), SHORT_TEXT)}) for each in told)


def _cut(text: str, letters: int) -> str:
    return text if len(text) <= letters else f"{text[: letters - 1]}…"


def _kept(there_are: int, fewest: int) -> int | None:
    return None if there_are <= fewest else max(fewest, there_are - 4)


_CUTS: tuple[_Cut, ...] = (
    _fewer_events,
    _no_reasons_of_instances,
    partial(_fewer_of, name="workers", fewest=FEWEST_WORKERS),
    _shorter_reasons,
    partial(_fewer_of, name="gpus", fewest=FEWEST_GPUS),
    _fewer_pairs,
    _no_trends,
    _no_advice,
    _shorter_events,
    _shorter_findings,
    partial(_fewer_of, name="gpu_hosts", fewest=FEWEST_HOSTS),
)
