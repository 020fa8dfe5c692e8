"""What is wrong with an appliance, worst first: a pure function of one snapshot.

Nothing here is a guess about causes. Each finding names a thing that a screen shows, that screen, and what to do.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from appliance.admin.schema import SCHEMA, Attention, GpuHost, Lane, Snapshot, similarity_fall, wer_rise
from tui import format as fmt
from tui.naming import gpu_key, gpu_name, memory_share
from tui.remedies import REMEDIES
from tui.versions import Incomplete, compared

IN_TIME_SHARE = 0.95
"""Share of a priority's jobs that should end in time; below it the lane is told."""
ENOUGH = 20
"""Shares of fewer jobs, or of fewer requests, say nothing."""
REFUSED_SHARE = 0.05
"""Share of requests that are refused for want of room, or beyond a plan, from where on it is told."""
CLOSED_BY = 3
"""Refusals without an admission from which on a priority counts as closed: one is a recording that is too long."""
ERROR_SHARE = 0.05
"""Share of requests that end in the appliance's own error from where on it needs a hand; a single one needs a look."""
HOT_C = 85.0
"""Above it; data-centre cards slow themselves down at 87 to 92 degrees Celsius, by model."""
FULL_SHARE = 0.97
SKEW_TOLD_S = 5.0
"""Clocks closer than this are called the same: an answer may be on its way for a second or two."""
STOPPING = ("database", "object_store", "redis")
"""Parts without which an appliance does nothing, or not in time."""


class Severity(IntEnum):
    """How bad a finding is."""

    NOTE = 1
    WARN = 2
    BAD = 3


@dataclass(frozen=True)
class Finding:
    """One thing to know: how bad, in one short clause, and where it can be looked at."""

    severity: Severity
    kind: str
    text: str
    screen: str
    key: str = ""
    """Of the thing on its screen."""
    weight: float = 0.0
    """Orders findings of one severity, the heaviest first."""
    advice: str = ""
    """What the appliance itself says to do."""

    @property
    def id(self) -> str:
        """Return what stays the same while the finding lasts."""
        return f"{self.kind} {self.key}"

    @property
    def do(self) -> str:
        """Return what to do about it."""
        return self.advice or REMEDIES[self.kind]


def verdict(snapshot: Snapshot, skew_s: float = 0.0) -> list[Finding]:
    """Return what there is to know, worst first; nothing for an appliance that is well.

    `skew_s` is by how much its clock is ahead of this machine's.
    """
    parts = (_attention, _workers, _lanes, _dead, _rates, _gpus, _quality, _version)
    found = [finding for part in parts for finding in part(snapshot)]
    found += _clock(skew_s)
    return sorted(found, key=lambda finding: (-finding.severity, -finding.weight))


def worst(findings: list[Finding]) -> Severity | None:
    """Return the worst severity, None for no findings."""
    return max((finding.severity for finding in findings), default=None)


def _attention(snapshot: Snapshot) -> Iterator[Finding]:
    """What the appliance itself asks for; of workers and of lanes, what is told of each of them is enough."""
    told_elsewhere = {
        "living": True,
        "overdue": any(map(_late, snapshot.lanes)),
        "paused for": any(_forgotten(snapshot, lane) for lane in snapshot.lanes),
    }
    for attention in snapshot.findings.attention:
        figure = attention.figure
        if told_elsewhere.get(figure, False):
            continue
        severity = Severity.BAD if figure in STOPPING else Severity.WARN
        weight = 1e9 if severity is Severity.BAD else 50.0
        text = f"disk: {attention.says}" if figure == "disk" else attention.says
        screen = "queues" if figure in told_elsewhere else "verdict"
        yield Finding(severity, "attention", text, screen, figure, weight, attention.do or "See meeshy status.")


def _clock(skew_s: float) -> Iterator[Finding]:
    if abs(skew_s) > SKEW_TOLD_S:
        where = "ahead of" if skew_s > 0 else "behind"
        text = f"the appliance's clock is {fmt.age(abs(skew_s))} {where} this machine's"
        yield Finding(Severity.NOTE, "clock", text, "verdict", weight=2.0)


def _version(snapshot: Snapshot) -> Iterator[Finding]:
    """What another version does not tell nobody can judge; that it is another one is told besides."""
    if isinstance(snapshot, Incomplete):
        text = f"not told, so not judged: {', '.join(snapshot.not_told)}"
        yield Finding(Severity.WARN, "untold", text, "verdict", weight=1.0)
    above = compared(snapshot.schema)
    if above is not None and above != (0, 0):
        kind = "newer" if above > (0, 0) else "older"
        text = f"the appliance is {kind} than this console ({snapshot.schema}, not {SCHEMA})"
        yield Finding(Severity.NOTE, kind, text, "verdict", weight=1.5)


def _asked(snapshot: Snapshot, figure: str) -> Attention:
    """Return what the appliance asks for about a figure, an empty one where it asks for nothing."""
    return next((each for each in snapshot.findings.attention if each.figure == figure), Attention())


def _workers(snapshot: Snapshot) -> Iterator[Finding]:
    if snapshot.findings.unserved:
        text = f"no living worker takes {', '.join(snapshot.findings.unserved)}"
        advice = _asked(snapshot, "living").do
        yield Finding(Severity.BAD, "unserved", text, "workers", weight=1e8, advice=advice)
    if not snapshot.findings.spoken_since_start:
        yield Finding(Severity.NOTE, "unspoken", "no worker has spoken since its start", "workers", weight=1.0)
    for worker in snapshot.workers:
        if worker.state == "stale":
            text = f"worker {worker.id} silent {fmt.age(worker.seen_ago_s)}"
            yield Finding(Severity.WARN, "silent", text, "workers", worker.id, worker.seen_ago_s)


def _late(lane: Lane) -> bool:
    """Tell whether a lane's oldest item is past its SLA; what waits in a paused lane is somebody's doing."""
    return lane.state == "open" and lane.oldest_of_sla is not None and lane.oldest_of_sla > 1


def _lanes(snapshot: Snapshot) -> Iterator[Finding]:
    advice = _asked(snapshot, "overdue").do
    for lane in snapshot.lanes:
        if lane.state != "open":
            yield _pause(snapshot, lane)
        elif _late(lane):
            of_sla = lane.oldest_of_sla or 0.0
            severity = Severity.BAD if of_sla > 2 else Severity.WARN
            text = f"{lane.name} waits {fmt.age(lane.oldest_wait_s)}, {fmt.percent(of_sla)} of SLA"
            yield Finding(severity, "late", text, "queues", lane.name, 1e6 + of_sla, advice)
    yield from _in_time(snapshot)


def _in_time(snapshot: Snapshot) -> Iterator[Finding]:
    """The share in time, which all lanes of a priority have in common; of a few jobs it says nothing."""
    of_all = snapshot.jobs.done + snapshot.jobs.partial + snapshot.jobs.failed
    for priority in sorted({lane.priority for lane in snapshot.lanes}):
        lanes = [lane for lane in snapshot.lanes if lane.priority == priority]
        share, ended = lanes[0].attainment, lanes[0].ended
        # An older appliance tells only how many ended of all priorities.
        enough = (of_all if ended is None else ended) >= ENOUGH
        if enough and share is not None and share < IN_TIME_SHARE:
            # Work that somebody holds up ends late: their doing, and no fault of the appliance's.
            held_up = any(lane.state != "open" for lane in lanes)
            severity = Severity.NOTE if held_up else Severity.WARN
            name = f"p{priority}"
            text = f"{name} {fmt.percent(share)} in time"
            yield Finding(severity, "in time", text, "queues", name, 1e5 * (1 - share))


def _forgotten(snapshot: Snapshot, lane: Lane) -> bool:
    """Tell whether the appliance asks about a pause that has lasted long."""
    return lane.state != "open" and lane.name in _asked(snapshot, "paused for").says


def _pause(snapshot: Snapshot, lane: Lane) -> Finding:
    """Return what a pause holds up: told, with how late it made what waits; a fault only where it may be forgotten."""
    by = f" by {lane.paused_by}" if lane.paused_by else ""
    late = lane.oldest_of_sla
    waits = f", {fmt.percent(late)} of SLA" if late is not None and late > 1 else ""
    text = f"{lane.name} {lane.state}{by} {fmt.age(lane.paused_ago_s)}{waits}"
    if _forgotten(snapshot, lane):
        advice = _asked(snapshot, "paused for").do
        return Finding(Severity.WARN, "paused", text, "queues", lane.name, 60.0, advice)
    return Finding(Severity.NOTE, "paused", text, "queues", lane.name, 1e6 + (late or 0.0))


def _dead(snapshot: Snapshot) -> Iterator[Finding]:
    if snapshot.findings.dead:
        most = max(snapshot.lanes, key=lambda lane: lane.dead, default=None)
        key = most.name if most else ""
        text = fmt.plural(snapshot.findings.dead, "dead letter")
        yield Finding(Severity.WARN, "dead", text, "queues", key, float(snapshot.findings.dead))


def _rates(snapshot: Snapshot) -> Iterator[Finding]:
    """Who is refused has no job that could be late: only this tells of it."""
    rates, window = snapshot.rates, fmt.age(snapshot.window_s)
    enough = rates.requests >= ENOUGH
    if enough and rates.refused >= REFUSED_SHARE * rates.requests:
        share = rates.refused / rates.requests
        text = f"{fmt.percent(share)} of requests refused in {window}"
        yield Finding(Severity.WARN, "refused", text, "verdict", weight=1e7 * share)
    # However few they are among all requests: whoever has that priority is served nothing new.
    for each in rates.admission:
        if each.refused >= CLOSED_BY and not each.admitted:
            name = f"p{each.priority}"
            text = f"all {each.refused} of {name} refused in {window}"
            yield Finding(Severity.WARN, "closed", text, "queues", name, 2e7 - each.priority)
    if rates.errors:
        bad = enough and rates.errors >= ERROR_SHARE * rates.requests
        text = f"{fmt.plural(rates.errors, 'request')} failed in {window}"
        yield Finding(Severity.BAD if bad else Severity.WARN, "errors", text, "verdict", weight=1e6 + rates.errors)


def _gpus(snapshot: Snapshot) -> Iterator[Finding]:
    for gpu in snapshot.gpus:
        name, key, share = gpu_name(snapshot, gpu), gpu_key(gpu), memory_share(gpu)
        if gpu.lost:
            yield Finding(Severity.BAD, "gpu lost", f"{name} lost: {gpu.lost}", "gpu", key, 2e5)
        if gpu.ecc_errors:
            yield Finding(Severity.BAD, "gpu errors", f"{name} {gpu.ecc_errors} ECC errors", "gpu", key, 1e5)
        if gpu.temperature_c is not None and gpu.temperature_c > HOT_C:
            text = f"{name} {gpu.temperature_c:.0f} degrees"
            yield Finding(Severity.WARN, "gpu hot", text, "gpu", key, gpu.temperature_c)
        if share is not None and share >= FULL_SHARE:
            yield Finding(Severity.WARN, "gpu full", f"{name} memory {fmt.percent(share)}", "gpu", key, 10 * share)
    for host in snapshot.gpu_hosts:
        if (text := host_trouble(host)) is not None:
            yield Finding(Severity.WARN, "gpu host", text, "gpu", host.host, 1e3)


def host_trouble(host: GpuHost) -> str | None:
    """Return what is wrong with a host that tells of no GPU or of fewer than before, None for one that has none."""
    had = f"{fmt.plural(host.devices, 'GPU')} of {host.host}"
    match host.state:
        case "none":
            return None
        case "old":
            return f"{had} not read for {fmt.age(host.age_s)}"
        case "driver" if not host.devices:
            return f"GPU driver of {host.host}: {host.reason}"
        case "driver":
            return f"{had} gone: {host.reason}"
        case "fewer":
            return f"{had} missing: {host.reason}"
        case newer:
            return f"{had} {newer}: {host.reason}"


def _quality(snapshot: Snapshot) -> Iterator[Finding]:
    for pair in snapshot.quality.pairs:
        name = f"{pair.source}>{pair.target}"
        if (rise := wer_rise(pair)) is not None:
            text = f"{name} WER {pair.wer:.2f}, was {pair.wer_before:.2f}"
            yield Finding(Severity.WARN, "wer", text, "quality", name, rise)
        if (fall := similarity_fall(pair)) is not None:
            text = f"{name} similarity {pair.similarity:.2f}, was {pair.similarity_before:.2f}"
            yield Finding(Severity.WARN, "similarity", text, "quality", name, fall)
