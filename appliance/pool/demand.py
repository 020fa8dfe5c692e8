"""What the planning looks at: who is there, what waits, and what the last rounds have shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from appliance.pool.inventory import Rules
from appliance.pool.layout import Place

TREND_S = 10.0
"""How far back the slack of the most urgent job is compared: shorter shows the noise of single batches."""
CALM_SHARE = 0.2
"""Share of the rules' backlog up to which a role counts as calm; between that and the backlog nothing changes."""


@dataclass(frozen=True)
class Seat:
    """A process of the pool, or the pause before its next start. `becomes` is the role it has once it has drained."""

    number: int
    place: str
    role: str
    since_s: float
    ready: bool
    leaving: bool = False
    becomes: str | None = None
    draining: bool = False
    """Whether an operator told it to take nothing more: it has its memory, and works for nobody."""


@dataclass(frozen=True)
class Demand:
    """What one role faces; `slack_s` is the time that the most urgent waiting job has left, None where none waits."""

    waiting_jobs: int = 0
    slack_s: float | None = None
    busy_slots: int = 0
    """On this host."""


@dataclass(frozen=True)
class Past:
    """What rounds hand on: per role, an earlier slack and its time; per place and role, since when one is to spare."""

    slack: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    spare_since_s: Mapping[tuple[str, str], float] = field(default_factory=dict)
    slots: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Observed:
    """One look at the host and the queue; `now_s` is the pool's own clock, as are all times in it."""

    now_s: float
    seats: tuple[Seat, ...]
    demand: Mapping[str, Demand]
    past: Past = field(default_factory=Past)


def needed(rules: Rules, observed: Observed, role: str) -> str | None:
    """Return why a role needs more slots, None where it does not.

    More than the backlog waits; or the most urgent job is late; or it will be before another process could help, at the
    rate at which its slack has shrunk.
    """
    faces = observed.demand.get(role, Demand())
    if faces.waiting_jobs > rules.backlog:
        return f"{faces.waiting_jobs} jobs wait"
    if not faces.waiting_jobs or faces.slack_s is None:
        return None
    if faces.slack_s < 0:
        return f"a waiting job is {-faces.slack_s:.1f} s late"
    if role in observed.past.slack:
        at_s, then_s = observed.past.slack[role]
        rate = (faces.slack_s - then_s) / max(observed.now_s - at_s, TREND_S)
        if faces.slack_s + rate * rules.dwell_s < 0:
            return f"jobs will be late: {faces.slack_s:.1f} s are left, {then_s:.1f} s were before"
    return None


def remember(places: tuple[Place, ...], rules: Rules, observed: Observed) -> Past:
    """Return what the next round has to know of this one."""
    slots = {role: slots_of(places, observed, role) for role in observed.demand}
    return Past(
        slack={role: kept for role in observed.demand if (kept := _slack(observed, role)) is not None},
        spare_since_s={
            (place.name, role): _spare_since_s(rules, observed, slots[role], place, role)
            for place in places
            for role in place.shapes
            if role in slots
        },
        slots=slots,
    )


def slots_of(places: tuple[Place, ...], observed: Observed, role: str) -> int:
    """Return the slots of a role on this host that take work: not those that leave or drain."""
    shapes = {place.name: place.shapes for place in places}
    return sum(
        shapes[seat.place][role].slots
        for seat in observed.seats
        if seat.role == role and not seat.leaving and not seat.draining
    )


def _slack(observed: Observed, role: str) -> tuple[float, float] | None:
    """Return the slack to compare with next time: the one kept, until it is old enough to be replaced."""
    slack_s = observed.demand[role].slack_s
    kept = observed.past.slack.get(role)
    if slack_s is None:
        return None
    return kept if kept and observed.now_s - kept[0] < TREND_S else (observed.now_s, slack_s)


def _spare_since_s(rules: Rules, observed: Observed, slots: int, place: Place, role: str) -> float:
    """Return since when this role would have got along with one process less on this place; now where it would not."""
    faces = observed.demand[role]
    calm = faces.waiting_jobs <= rules.backlog * CALM_SHARE and needed(rules, observed, role) is None
    spare = calm and faces.busy_slots <= slots - place.shapes[role].slots
    # After a change the count starts anew: what was enough with three says nothing about two.
    changed = observed.past.slots.get(role) != slots
    if not spare or changed:
        return observed.now_s
    return observed.past.spare_since_s.get((place.name, role), observed.now_s)
