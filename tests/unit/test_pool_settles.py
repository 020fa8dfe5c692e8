"""Whatever the load does, the pool keeps its limits; where the load is constant, it comes to rest."""

import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.catalog.catalog import Catalog
from appliance.pool.demand import Demand, Observed, Past, Seat, remember
from appliance.pool.inventory import Rules, read_inventory
from appliance.pool.layout import Place, Shape, lay_out
from appliance.pool.plan import Change, Start, plan, taken_by

ROLES = ("whisper", "voice", "all")
RULES = Rules(backlog=5, round_s=2, dwell_s=10, quiet_s=30)


class Host:
    """A host that does what the plan says; processes take rounds to load and to drain."""

    def __init__(self, places, rules=RULES, load_rounds=2, drain_rounds=2):
        self.places, self.rules = places, rules
        self.load_rounds, self.drain_rounds = load_rounds, drain_rounds
        self.seats: list[Seat] = []
        self.drained_at: dict[int, int] = {}
        self.past, self.rounds, self.numbers = Past(), 0, 0
        self.actions: list[tuple[int, object]] = []

    def round(self, demand):
        self.rounds += 1
        now_s = self.rounds * self.rules.round_s
        self._time_passes(now_s)
        observed = Observed(now_s, tuple(self.seats), demand, self.past)
        for action in plan(self.places, self.rules, observed):
            self.actions.append((self.rounds, action))
            self._do(action, now_s)
        self.past = remember(self.places, self.rules, observed)

    def count(self, role):
        """Count the slots of a role that can work now."""
        shapes = {place.name: place.shapes for place in self.places}
        return sum(shapes[s.place][role].slots for s in self.seats if s.role == role and s.ready and not s.leaving)

    def _time_passes(self, now_s):
        for place, seat in [(s.place, s) for s in self.seats if self.drained_at.get(s.number, math.inf) <= self.rounds]:
            self.seats.remove(seat)
            if seat.becomes:
                self._start(place, seat.becomes, now_s)
        loaded_s = self.load_rounds * self.rules.round_s
        self.seats = [replace(s, ready=now_s - s.since_s >= loaded_s) for s in self.seats]

    def _do(self, action, now_s):
        if isinstance(action, Start):
            self._start(action.place, action.role, now_s)
            return
        at = next(i for i, seat in enumerate(self.seats) if seat.number == action.seat)
        assert not self.seats[at].leaving
        assert now_s - self.seats[at].since_s >= self.rules.dwell_s, "it lived shorter than the minimum"
        becomes = action.becomes if isinstance(action, Change) else None
        self.seats[at] = replace(self.seats[at], leaving=True, becomes=becomes)
        self.drained_at[action.seat] = self.rounds + self.drain_rounds

    def _start(self, place, role, now_s):
        self.numbers += 1
        self.seats.append(Seat(self.numbers, place, role, now_s, ready=False))


@st.composite
def a_place(draw, name):
    shapes = {}
    for role in draw(st.lists(st.sampled_from(ROLES), min_size=1, max_size=3, unique=True)):
        least = draw(st.integers(0, 2))
        shapes[role] = Shape(least, least + draw(st.integers(0 if least else 1, 3)), draw(st.integers(1, 4)), 10)
    shapes = {role: replace(shape, memory_bytes=draw(st.integers(5, 30))) for role, shape in shapes.items()}
    place = Place(name, 0, shapes)
    # What an inventory has to fulfil: each role's maximum fits beside the other roles' minimums.
    least = {role: shape.least for role, shape in shapes.items()}
    needs = [place.takes(least | {role: shape.most}) for role, shape in shapes.items()]
    # Mostly tight, so that a role can only grow in another's place.
    room = draw(st.sampled_from([0, 0, 10, 60]))
    slots = draw(st.sampled_from([None, 0, 0, 2]))
    return replace(
        place,
        memory_bytes=max(memory for memory, _ in needs) + room,
        most_slots=None if slots is None else max(s for _, s in needs) + slots,
    )


places = st.integers(1, 2).flatmap(lambda n: st.tuples(*(a_place(f"device-{i}") for i in range(n))))
any_demand = st.one_of(
    st.just(Demand()),
    st.builds(Demand, st.integers(6, 12), st.floats(-20, 60), st.integers(0, 6)),
    st.builds(Demand, st.integers(0, 5), st.one_of(st.none(), st.floats(-20, 60)), st.integers(0, 6)),
)
phases = st.lists(st.tuples(st.tuples(any_demand, any_demand, any_demand), st.integers(1, 40)), max_size=8)
"""Loads, each with the number of rounds that it lasts."""
quarters = st.integers(0, 24).map(lambda number: number / 4)
"""Jobs a round. Of a five-hundredth of a job the first would come in round 500, and what is a hundredth too much
would be a backlog only then: the pool would be right to act that late."""


@settings(max_examples=30, deadline=None)
@given(places, phases, st.integers(0, 3))
def test_limits_hold_in_every_round_whatever_the_load_does(places, phases, drain_rounds):
    host = Host(places, drain_rounds=drain_rounds)
    reached: set[tuple[str, str]] = set()
    for load in (load for load, rounds in phases for _ in range(rounds)):
        before = len(host.actions)
        host.round(dict(zip(ROLES, load, strict=True)))
        done = [action.place for _, action in host.actions[before:]]
        assert len(done) == len(set(done)), "two actions on one device in one round"
        for place in places:
            memory_bytes, slots, counts = taken_by(place, host.seats)
            assert place.holds(memory_bytes, slots)
            for role, shape in place.shapes.items():
                assert counts[role] <= shape.most
                staying = sum(s.place == place.name and s.role == role and not s.leaving for s in host.seats)
                if staying >= shape.least:
                    reached.add((place.name, role))
                assert (place.name, role) not in reached or staying >= shape.least


@settings(max_examples=30, deadline=None)
@given(
    places,
    st.tuples(*(quarters for _ in ROLES)),
    st.integers(0, 4),
    st.integers(0, 3),
)
def test_under_a_constant_load_the_pool_comes_to_rest(places, arrivals, load_rounds, drain_rounds):
    """Jobs arrive evenly, a slot does one a round; what cannot be done waits, so the load answers to the pool."""
    host = Host(places, load_rounds=load_rounds, drain_rounds=drain_rounds)
    queues = dict.fromkeys(ROLES, 0.0)
    for _ in range(600):
        demand = {}
        for role, arriving in zip(ROLES, arrivals, strict=True):
            slots = host.count(role)
            queues[role] = max(0.0, queues[role] + arriving - slots)
            waiting = math.floor(queues[role])
            busy = slots if waiting else min(slots, math.ceil(arriving))
            # A job should be done in 20 s; the first in a line of so many has waited for as long as they took to come.
            slack_s = 20.0 - queues[role] / max(arriving, 0.01) * RULES.round_s if waiting else None
            demand[role] = Demand(waiting, slack_s, busy)
        host.round(demand)
    assert [round_ for round_, _ in host.actions if round_ > 400] == []


SHIPPED = Path(__file__).resolve().parents[2] / "installer/inventories"
QUIET_ROUNDS = int(RULES.quiet_s / RULES.round_s)
AROUND = tuple(
    Demand(waiting, slack_s, busy)
    for waiting in (0, 1, 2, RULES.backlog, RULES.backlog + 1)
    for slack_s in (-0.5, 0.5, 30.0)
    for busy in (0, 1, 2, 3)
)
"""Loads on both sides of what makes a role calm, of its backlog, of being late, and of needing all of its slots."""


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("node-1-and-2.toml", {"whisper": 4, "voice": 1}, {"whisper": 4, "voice": 2}),
        ("node-3.toml", {"voice": 1}, {"voice": 6}),
    ],
)
def test_a_shipped_inventory_grows_to_its_maximum_and_shrinks_to_its_minimum(name, least, most):
    inventory = read_inventory(SHIPPED / name)
    rules, roles = inventory.rules, most
    host = Host(lay_out(inventory, Catalog.load(), "production"), rules)

    def slots_after(rounds, demand):
        for _ in range(rounds):
            host.round({role: demand(role) for role in roles})
        return {role: host.count(role) for role in roles}

    quiet_rounds = int((rules.quiet_s + rules.dwell_s) / rules.round_s) + 5
    assert slots_after(20, lambda _: Demand()) == least
    assert slots_after(60, lambda role: Demand(rules.backlog + 1, 60.0, host.count(role))) == most
    assert slots_after(sum(most.values()) * quiet_rounds, lambda _: Demand()) == least


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(AROUND), st.integers(1, 2 * QUIET_ROUNDS)), max_size=20))
def test_a_load_around_a_threshold_never_makes_a_role_flap(phases):
    host = Host((Place("device-0", 100, {"voice": Shape(1, 4, 1, 20)}),))
    for load in (load for load, rounds in phases for _ in range(rounds)):
        host.round({"voice": load})
    changes = [(at, type(action)) for at, action in host.actions]
    for (earlier, _), (later, kind) in pairwise(changes):
        assert kind is Start or later - earlier >= QUIET_ROUNDS, "it was stopped though it had just been needed"


def test_a_load_that_comes_back_before_it_was_quiet_for_long_enough_stops_nothing():
    host = Host((Place("device-0", 100, {"voice": Shape(1, 4, 1, 20)}),))
    for _ in range(20):
        for calm in (False, *(True for _ in range(QUIET_ROUNDS - 1))):
            host.round({"voice": Demand() if calm else Demand(RULES.backlog + 1, 30.0, host.count("voice"))})
    assert {type(action) for _, action in host.actions} == {Start}
    assert host.count("voice") == 4


def test_processes_move_with_a_load_that_moves_and_stay_where_it_stays():
    """Room for three: the load is on listening first and on speaking then."""
    place = Place("device-0", 90, {"whisper": Shape(1, 2, 1, 30), "voice": Shape(1, 2, 1, 30)})
    host = Host((place,))
    load, calm = Demand(9, 5.0, 2), Demand(0, None, 0)
    for _ in range(60):
        host.round({"whisper": load, "voice": calm})
    assert (host.count("whisper"), host.count("voice")) == (2, 1)
    for _ in range(60):
        host.round({"whisper": calm, "voice": load})
    assert (host.count("whisper"), host.count("voice")) == (1, 2)
    kinds = [type(action).__name__ for _, action in host.actions]
    assert kinds == ["Start", "Start", "Start", "Change"]
