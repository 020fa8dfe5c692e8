"""What the appliance stands on and what it is asked for, as lines: parts, requests, jobs, webhooks, duties."""

from appliance.admin.schema import Health, Housekeeping, Snapshot, Webhooks
from tui import format as fmt
from tui.glyphs import Glyphs, Line, Look, unknown_state
from tui.versions import untold

LOOKS = {
    "ok": Look("ok", "ok", "good"),
    "low": Look("warn", "low", "warn"),
    "away": Look("bad", "away", "bad"),
    "unused": Look("idle", "unused", "quiet"),
}
QUIET = ("ok", "unused")
"""States of which the part's name is enough; of the disk, how much is free is worth a line."""
_NAME = 14
_PARTS = {"requests": "rates", "work": "rates", "jobs": "jobs", "webhooks": "findings", "housekeeping": "findings"}
"""From which part of a picture each line is."""


def part_lines(snapshot: Snapshot, width: int, glyphs: Glyphs) -> list[Line]:
    """Return a line per group of figures, one per part that is not well, one for those that are.

    What is longer than the width is cut with a sign.
    """
    rates, jobs, window = snapshot.rates, snapshot.jobs, fmt.age(snapshot.window_s)
    share = fmt.percent(rates.refused / rates.requests) if rates.requests else fmt.UNKNOWN
    figures = {
        "requests": f"{fmt.count(rates.requests)} in {window}, {rates.refused} refused ({share}), "
        f"{rates.errors} failed",
        "work": f"{fmt.number(rates.jobs_per_minute, 1)} jobs/min, in {window} {rates.languages_ended} languages "
        f"ended, {rates.languages_failed} failed",
        "jobs": f"{fmt.count(jobs.open)} open; last hour {fmt.count(jobs.done)} done, {jobs.partial} partial, "
        f"{jobs.failed} failed, {jobs.cancelled} cancelled",
        "webhooks": _webhooks(snapshot.findings.webhooks),
        "housekeeping": _housekeeping(snapshot.findings.housekeeping),
    }
    figures |= {name: fmt.UNKNOWN for name, part in _PARTS.items() if untold(snapshot, part)}
    lines: list[Line] = [
        [(f"{name:<{_NAME}}", "quiet"), (fmt.cut(says, width - _NAME, glyphs.cut), "plain")]
        for name, says in figures.items()
    ]
    health = snapshot.findings.health
    quiet = [part for part in health if part.state in QUIET and part.part != "disk"]
    lines += [_part(part, width, glyphs) for part in health if part not in quiet]
    return [*lines, _together(quiet, width, glyphs)] if quiet else lines


def _together(parts: list[Health], width: int, glyphs: Glyphs) -> Line:
    """Return one line of those that nobody has to read about."""
    by_state = [(state, ", ".join(part.part for part in parts if part.state == state)) for state in QUIET]
    told = "; ".join(f"{LOOKS[state].text(glyphs)} {names}" for state, names in by_state if names)
    return [(f"{'parts':<{_NAME}}", "quiet"), (fmt.cut(told, width - _NAME, glyphs.cut), "plain")]


def _part(part: Health, width: int, glyphs: Glyphs) -> Line:
    look = LOOKS.get(part.state) or unknown_state(part.state)
    state = f"{look.text(glyphs):<10}"
    says = fmt.cut(part.says, width - _NAME - len(state), glyphs.cut)
    return [(f"{part.part:<{_NAME}}", "quiet"), (state, look.tone), (says, "plain")]


def _webhooks(webhooks: Webhooks) -> str:
    due = f", oldest due for {fmt.age(webhooks.oldest_due_s)}" if webhooks.oldest_due_s else ""
    destinations = {"disabled": webhooks.disabled_destinations, "failing": webhooks.failing_destinations}
    troubled = [f", {fmt.plural(number, 'destination')} {how}" for how, number in destinations.items() if number]
    return f"{webhooks.waiting} waiting{due}, {webhooks.failed} failed{''.join(troubled)}"


def _housekeeping(duties: Housekeeping) -> str:
    failed = f"; failed: {', '.join(duties.failed)}" if duties.failed else ""
    last = "never ran" if duties.last_ago_s is None else f"last {fmt.age(duties.last_ago_s)} ago"
    return last + failed
