"""The report as text of at most 80 columns."""

import textwrap
from collections.abc import Callable, Iterator, Sequence

from appliance.status.figures import Figures, PauseLine, QueueLine, WorkerLine
from appliance.status.report import Report

WIDTH, ACTOR_WIDTH = 80, 40

HEALTH_FIGURES = ("database", "redis", "object_store", "disk")
WORKER_FIGURES = ("role", "living", "draining", "slots", "last seen")
RESERVED_FIGURES = ("plan", "reserved", "kept")
QUEUE_FIGURES = ("family", "priority", "waiting", "running", "oldest wait", "overdue", "audio")
PAUSE_FIGURES = ("lane", "paused for", "by")
JOB_FIGURES = ("open", "done", "partial", "failed", "cancelled")
WEBHOOK_FIGURES = ("waiting", "oldest due", "failed", "disabled destinations", "failing destinations")
HOUSEKEEPING_FIGURES = ("last round", "failed duties")
FIGURES = {
    "Health": HEALTH_FIGURES,
    "Workers": WORKER_FIGURES,
    "Reserved slots": RESERVED_FIGURES,
    "Queue": QUEUE_FIGURES,
    "Paused lanes": PAUSE_FIGURES,
    "Jobs of the last hour": JOB_FIGURES,
    "Webhooks": WEBHOOK_FIGURES,
    "Housekeeping": HOUSEKEEPING_FIGURES,
}
"""Every figure that is shown, by the heading it stands under; docs/operations.md explains each."""

RoleOf = Callable[[Sequence[str]], str]


def as_text(report: Report, role_of: RoleOf) -> str:
    """Return the report for people; `role_of` names the role of a worker that takes these families."""
    lines = [f"Meeshy {report.version}: {'needs attention' if report.attention else 'all is well'}"]
    lines += _section("Health", _health(report))
    if report.figures is not None:
        figures = report.figures
        lines += _section("Workers", _table(WORKER_FIGURES, _workers(figures, role_of)))
        kept = [[each.plan, str(each.slots), str(each.kept)] for each in figures.reservations]
        lines += _section("Reserved slots", _table(RESERVED_FIGURES, kept))
        lines += _section("Queue", _table(QUEUE_FIGURES, [_queue(line) for line in figures.queue]))
        lines += _section("Paused lanes", _table(PAUSE_FIGURES, [_pause(line) for line in figures.pauses]))
        lines += _section("Jobs of the last hour", [_pairs(JOB_FIGURES, [figures.jobs[name] for name in JOB_FIGURES])])
        lines += _section("Webhooks", _webhooks(figures))
        lines += _section("Housekeeping", [_pairs(HOUSEKEEPING_FIGURES, _housekeeping(figures))])
    if report.attention:
        lines += _section("To do", _attention(report))
    return "\n".join(lines)


def ago(seconds: float) -> str:
    """Return a length of time in one unit: `12 s`, `5 min`, `3 h`, `2 d`."""
    for unit, length_s in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length_s:
            return f"{seconds / length_s:.0f} {unit}"
    return f"{seconds:.0f} s"


def _section(heading: str, lines: Sequence[str]) -> list[str]:
    return ["", heading, *(f"  {line}".rstrip() for line in lines or ["none"])]


def _health(report: Report) -> Iterator[str]:
    for name in HEALTH_FIGURES:
        part = report.health[name]
        line = f"{name:13} {part.state:7} {part.says}"
        yield line if len(line) <= WIDTH - 2 else f"{line[: WIDTH - 3]}…"


def _workers(figures: Figures, role_of: RoleOf) -> list[list[str]]:
    roles: dict[str, list[WorkerLine]] = {}
    for worker in figures.workers:
        roles.setdefault(role_of(worker.families), []).append(worker)
    return [
        [
            role,
            str(sum(worker.living for worker in seen)),
            str(sum(worker.living and worker.draining for worker in seen)),
            str(sum(worker.slots for worker in seen if worker.taking)),
            f"{ago(min(worker.seen_ago_s for worker in seen))} ago",
        ]
        for role, seen in sorted(roles.items())
    ]


def _queue(line: QueueLine) -> list[str]:
    return [
        line.family,
        f"P{line.priority}",
        str(line.waiting),
        str(line.running),
        ago(line.oldest_wait_s) if line.waiting else "-",
        str(line.overdue),
        ago(line.audio_s),
    ]


def _pause(line: PauseLine) -> list[str]:
    by = line.actor if len(line.actor) <= ACTOR_WIDTH else f"{line.actor[: ACTOR_WIDTH - 1]}…"
    return [line.lane, ago(line.paused_ago_s), by]


def _webhooks(figures: Figures) -> list[str]:
    webhooks = figures.webhooks
    values = [webhooks.waiting, ago(webhooks.oldest_due_s), webhooks.failed]
    troubled = [webhooks.disabled_destinations, webhooks.failing_destinations]
    return [_pairs(WEBHOOK_FIGURES[:3], values), _pairs(WEBHOOK_FIGURES[3:], troubled)]


def _housekeeping(figures: Figures) -> list[str]:
    last = "never" if figures.housekeeping_ago_s is None else f"{ago(figures.housekeeping_ago_s)} ago"
    return [last, str(sum(record.error is not None for record in figures.housekeeping.values()))]


def _attention(report: Report) -> Iterator[str]:
    for wrong in report.attention:
        yield from textwrap.wrap(f"- {wrong.says}. {wrong.do}", WIDTH - 2, subsequent_indent="  ")


def _pairs(names: Sequence[str], values: Sequence[object]) -> str:
    return "   ".join(f"{name} {value}" for name, value in zip(names, values, strict=True))


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    if not rows:
        return []
    widths = [max(len(row[column]) for row in [headings, *rows]) for column in range(len(headings))]
    return [
        "   ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in [headings, *rows]
    ]
