"""What the console knows at one moment, and how its first line says how fresh that is. Pure."""

from dataclasses import dataclass, replace

from appliance.admin.schema import Me, Snapshot
from tui import format as fmt
from tui.glyphs import Glyphs, Tone
from tui.source import Outage
from tui.trails import Trails
from tui.verdict import SKEW_TOLD_S, Finding, verdict

STALE_AFTER_INTERVALS = 3
ACTING_ROLES = ("operator", "admin")
NO_TRAILS = Trails()


@dataclass(frozen=True)
class View:
    """The last good picture, what is wrong with getting the next, and what this console may do."""

    place: str
    snapshot: Snapshot | None = None
    """What is shown."""
    newest: Snapshot | None = None
    """What came last; more than what is shown while the picture is frozen."""
    trails: Trails = NO_TRAILS
    """Of what is shown."""
    newest_trails: Trails = NO_TRAILS
    received_s: float = 0.0
    """When the snapshot came, by the clock that never goes backwards."""
    received_at_s: float = 0.0
    """The same by this machine's wall clock."""
    outage: Outage | None = None
    outage_since_s: float = 0.0
    frozen: bool = False
    me: Me | None = None
    read_only: bool = False
    plays: bool = False
    """Whether it is the past that is shown: clocks are not compared then."""

    def with_snapshot(self, snapshot: Snapshot, monotonic_s: float, now_s: float) -> "View":
        """Return the view after a new picture, which ends an outage."""
        newest = replace(
            self, newest=snapshot, newest_trails=self.newest_trails.with_snapshot(snapshot),
            received_s=monotonic_s, received_at_s=now_s, outage=None,
        )  # fmt: skip
        # The first picture is shown also by who froze the console before it came: there is nothing else to hold.
        return newest if self.frozen and self.snapshot is not None else newest._showing_the_newest()

    def with_outage(self, outage: Outage, monotonic_s: float) -> "View":
        """Return the view after a failed try; the first of a row says since when."""
        since_s = self.outage_since_s if self.outage is not None else monotonic_s
        return replace(self, outage=outage, outage_since_s=since_s)

    def toggled(self) -> "View":
        """Return the view frozen, or going on with the newest picture."""
        return replace(self, frozen=not self.frozen)._showing_the_newest()

    def _showing_the_newest(self) -> "View":
        return replace(self, snapshot=self.newest, trails=self.newest_trails)

    def age_s(self, monotonic_s: float) -> float:
        """Return how long ago the picture came."""
        return max(0.0, monotonic_s - self.received_s)

    def stale(self, monotonic_s: float) -> bool:
        """Tell whether pictures should have come and did not."""
        if self.snapshot is None:
            return False
        return self.age_s(monotonic_s) > STALE_AFTER_INTERVALS * self.snapshot.interval_s

    def server_now_s(self, monotonic_s: float) -> float | None:
        """Return the appliance's time of day, going on since its last picture."""
        return None if self.newest is None else self.newest.server_time_s + self.age_s(monotonic_s)

    def skew_s(self) -> float:
        """Return by how much the appliance's clock is ahead of this machine's."""
        return 0.0 if self.newest is None or self.plays else self.newest.server_time_s - self.received_at_s

    def findings(self) -> list[Finding] | None:
        """Return what there is to know of what is shown, worst first; None before the first picture."""
        return None if self.snapshot is None else verdict(self.snapshot, self.skew_s())

    @property
    def may_act(self) -> bool:
        """Tell whether actions are offered at all."""
        return not self.read_only and self.me is not None and self.me.role in ACTING_ROLES

    @property
    def unasked(self) -> str:
        """Return why what no picture holds is not asked for, empty where it is."""
        if self.outage is not None:
            return "Not asked for while the appliance is away."
        return "Not asked for while frozen." if self.frozen else ""

    @property
    def can_act_now(self) -> bool:
        """Tell whether an action would reach the appliance."""
        return self.may_act and self.outage is None and self.snapshot is not None


def freshness(view: View, monotonic_s: float, glyphs: Glyphs) -> tuple[str, Tone]:
    """Return how fresh the picture is, in words, with its tone."""
    seen = f"data from {fmt.clock(view.snapshot.server_time_s)}" if view.snapshot else "no data yet"
    if view.outage is not None:
        word = {"refused": "refused", "incompatible": "other version"}.get(view.outage.kind, "offline")
        since = fmt.age(monotonic_s - view.outage_since_s)
        return f"{glyphs.bad} {word} {since}, {seen}{_next_try(view.outage)}", "bad"
    if view.snapshot is None:
        return f"{glyphs.idle} connecting", "quiet"
    if view.frozen:
        return f"{glyphs.held} frozen, {seen}", "note"
    if view.stale(monotonic_s):
        return f"{glyphs.warn} stale {fmt.age(view.age_s(monotonic_s))}", "warn"
    return f"{glyphs.ok} live {view.age_s(monotonic_s):.0f}s", "good"


def status_segments(view: View, monotonic_s: float, width: int, glyphs: Glyphs) -> list[tuple[str, Tone]]:
    """Return the first line in pieces of at most `width` columns in all, the least important ones left out first.

    The appliance's time of day stands at the right end.
    """
    fresh, tone = freshness(view, monotonic_s, glyphs)
    clock = fmt.clock(view.server_now_s(monotonic_s))
    rest = [part for part in _parts(view) if part]
    bar = f" {glyphs.separator} "
    room = width - len(clock) - 2
    while rest and len(fresh) + sum(len(bar) + len(part) for part in rest) > room:
        rest.pop()
    text = "".join(bar + part for part in rest)
    fresh = fmt.cut(fresh, room, glyphs.cut)
    fill = " " * (width - len(fresh) - len(text) - len(clock))
    return [(fresh, tone), (text, "plain"), (f"{fill}{clock}", "quiet")]


def _parts(view: View) -> list[str]:
    """Return skew, place, person and uptime, the most important first."""
    place = view.place.removeprefix("https://").removeprefix("http://").rstrip("/")
    who = f"{view.me.name} ({view.me.role})" if view.me else ""
    limits = "read-only" if view.read_only else ""
    skew = f"clock {view.skew_s():+.0f}s" if abs(view.skew_s()) > SKEW_TOLD_S else ""
    up = f"up {fmt.age(view.snapshot.up_s)}" if view.snapshot and view.snapshot.up_s is not None else ""
    return [skew, place, who, limits, up]


def _next_try(outage: Outage) -> str:
    if outage.retry_in_s is None:
        return ", r tries again"
    return f", next try {outage.retry_in_s:.0f}s"
