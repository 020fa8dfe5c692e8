"""What the pool does next: a pure function of the devices, the rules and one look at host and queue.

On each device at most one thing per round, in this order: a role below its minimum gets a process; a needed role gets
one, if there is room, else it takes over that of a role that has been idle; a role that got along with less has one
less. A role gets one process at a time and no further one while that one still loads its models.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from appliance.pool.demand import Demand, Observed, Seat, needed, remember
from appliance.pool.inventory import Rules
from appliance.pool.layout import Place, Shape


@dataclass(frozen=True)
class Start:
    """Start a process."""

    place: str
    role: str
    reason: str


@dataclass(frozen=True)
class Stop:
    """Let a process finish its batch and end."""

    seat: int
    place: str
    role: str
    reason: str


@dataclass(frozen=True)
class Change:
    """Let a process finish its batch and end, then start one of another role in its place."""

    seat: int
    place: str
    role: str
    becomes: str
    reason: str


Action = Start | Stop | Change


def plan(places: tuple[Place, ...], rules: Rules, observed: Observed) -> list[Action]:
    """Return what to do now, at most one action per device."""
    round_ = _Round(places, rules, observed)
    actions = []
    for place in places:
        action = round_.fill(place) or round_.grow(place) or round_.shrink(place)
        if action is not None:
            actions.append(action)
    return actions


class _Round:
    """One round of planning; remembers which roles grew or shrank, since several devices may hold the same."""

    def __init__(self, places: tuple[Place, ...], rules: Rules, observed: Observed) -> None:
        self._rules, self._observed = rules, observed
        # Of this round too, so that a role that needs its slots again counts as spare no longer.
        self._spare_since_s = remember(places, rules, observed).spare_since_s
        self._touched = {seat.becomes or seat.role for seat in observed.seats if self._loads(seat)}

    def fill(self, place: Place) -> Action | None:
        """Start a process of a role that is below its minimum."""
        for role, shape in place.shapes.items():
            if self._staying(place, role) < shape.least and self._room(place, role):
                return Start(place.name, role, "minimum")
        return None

    def grow(self, place: Place) -> Action | None:
        """Give the most urgent role that needs it one more process."""
        for role in sorted(place.shapes, key=self._urgency):
            reason = needed(self._rules, self._observed, role)
            if reason is None or role in self._touched or self._present(place, role) >= place.shapes[role].most:
                continue
            action: Action | None = None
            if self._room(place, role):
                action = Start(place.name, role, reason)
            elif seat := self._idle(place, role):
                action = Change(seat.number, place.name, seat.role, role, reason)
                self._touched.add(seat.role)
            if action is not None:
                self._touched.add(role)
                return action
        return None

    def shrink(self, place: Place) -> Action | None:
        """Stop a process of a role that got along with less."""
        for role, shape in place.shapes.items():
            if self._staying(place, role) > shape.least and role not in self._touched:
                seat = self._to_spare(place, role, self._rules.quiet_s)
                if seat is not None:
                    self._touched.add(role)
                    return Stop(seat.number, place.name, role, f"not needed for {self._rules.quiet_s:g} s")
        return None

    def _loads(self, seat: Seat) -> bool:
        young = self._observed.now_s - seat.since_s < self._rules.dwell_s
        return (not seat.ready and not seat.leaving and young) or seat.becomes is not None

    def _urgency(self, role: str) -> float:
        slack_s = self._observed.demand.get(role, Demand()).slack_s
        return float("inf") if slack_s is None else slack_s

    def _seats(self, place: Place) -> Iterable[Seat]:
        return (seat for seat in self._observed.seats if seat.place == place.name)

    def _staying(self, place: Place, role: str) -> int:
        """Count what will be there and work: not what leaves or drains, but what becomes such a process."""
        return sum(
            seat.becomes == role if seat.leaving else seat.role == role and not seat.draining
            for seat in self._seats(place)
        )

    def _present(self, place: Place, role: str) -> int:
        """Count what is or will be there; what leaves is there until it has left."""
        return sum(role in (seat.role, seat.becomes) for seat in self._seats(place))

    def _room(self, place: Place, role: str) -> bool:
        taken = [_taken(place, seat) for seat in self._seats(place)]
        shape = place.shapes[role]
        return self._present(place, role) < shape.most and place.holds(
            sum(memory for memory, _ in taken) + shape.memory_bytes, sum(slots for _, slots in taken) + shape.slots
        )

    def _idle(self, place: Place, role: str) -> Seat | None:
        """Return a process whose room the role could have instead, None where there is none."""
        for other, shape in place.shapes.items():
            if other == role or other in self._touched or self._staying(place, other) <= shape.least:
                continue
            seat = self._to_spare(place, other, self._rules.dwell_s)
            if seat is None:
                continue
            rest = [_taken(place, each) for each in self._seats(place) if each is not seat]
            memory_bytes, slots = _larger(shape, place.shapes[role])
            if place.holds(sum(m for m, _ in rest) + memory_bytes, sum(s for _, s in rest) + slots):
                return seat
        return None

    def _to_spare(self, place: Place, role: str, for_s: float) -> Seat | None:
        """Return the process of a role that could go, if one was to spare for so long; one that drains goes first."""
        now_s = self._observed.now_s
        if now_s - self._spare_since_s.get((place.name, role), now_s) < for_s:
            return None
        old = [
            seat
            for seat in self._seats(place)
            if seat.role == role and not seat.leaving and now_s - seat.since_s >= self._rules.dwell_s
        ]
        return max(old, key=lambda seat: (seat.draining, seat.since_s, seat.number), default=None)


def taken_by(place: Place, seats: Iterable[Seat]) -> tuple[int, int, Counter[str]]:
    """Return what these seats of a place take: bytes, slots, and processes per role, each as it is or becomes."""
    here = [seat for seat in seats if seat.place == place.name]
    taken = [_taken(place, seat) for seat in here]
    roles = Counter(role for seat in here for role in {seat.role, seat.becomes or seat.role})
    return sum(memory for memory, _ in taken), sum(slots for _, slots in taken), roles


def _taken(place: Place, seat: Seat) -> tuple[int, int]:
    return _larger(place.shapes[seat.role], place.shapes[seat.becomes or seat.role])


def _larger(one: Shape, other: Shape) -> tuple[int, int]:
    return max(one.memory_bytes, other.memory_bytes), max(one.slots, other.slots)
