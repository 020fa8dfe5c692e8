"""When the pool starts, stops and changes processes, one round at a time."""

from dataclasses import replace

import pytest

from appliance.pool.demand import Demand, Observed, Past, Seat, remember, slots_of
from appliance.pool.inventory import Rules
from appliance.pool.layout import Place, Shape
from appliance.pool.plan import Change, Start, Stop, plan

RULES = Rules(backlog=50, dwell_s=60, quiet_s=300)
NOW_S = 1000.0
CARD = Place(
    "card-0", 100, {"whisper": Shape(1, 2, 1, 30), "voice": Shape(1, 3, 1, 20)}
)  # fits two of one and one of the other, and not much more
TIGHT = replace(CARD, most_slots=3)
CALM = {"whisper": Demand(), "voice": Demand()}


def seat(number, role, age_s=500.0, **changes):
    return Seat(number, "card-0", role, NOW_S - age_s, **({"ready": True} | changes))


BOTH = (seat(1, "whisper"), seat(2, "voice"))


def look(seats, demand=None, spare=(), slack=None):
    """Return a look at a host whose roles `spare` were to spare for ever."""
    demand = CALM | (demand or {})
    slots = {role: sum(s.role == role and not (s.leaving or s.draining) for s in seats) for role in demand}
    spare_since_s = {("card-0", role): 0.0 for role in spare}
    return Observed(NOW_S, tuple(seats), demand, Past(slack or {}, spare_since_s, slots))


def test_an_empty_host_gets_its_minimum_one_process_at_a_time():
    assert plan((CARD,), RULES, look(())) == [Start("card-0", "whisper", "minimum")]
    assert plan((CARD,), RULES, look(BOTH[:1])) == [Start("card-0", "voice", "minimum")]
    assert plan((CARD,), RULES, look(BOTH)) == []


@pytest.mark.parametrize(("waiting", "starts"), [(0, 0), (50, 0), (51, 1)])
def test_a_role_grows_above_the_backlog_and_not_at_it(waiting, starts):
    observed = look(BOTH, {"voice": Demand(waiting, slack_s=100.0)})
    assert plan((CARD,), RULES, observed) == [Start("card-0", "voice", "51 jobs wait")][:starts]


def test_a_single_late_job_is_enough():
    observed = look(BOTH, {"voice": Demand(1, slack_s=-2.0)})
    assert plan((CARD,), RULES, observed) == [Start("card-0", "voice", "a waiting job is 2.0 s late")]


def test_slack_that_shrinks_so_that_jobs_will_be_late_before_help_comes_is_enough():
    shrinking = look(BOTH, {"voice": Demand(9, slack_s=20.0)}, slack={"voice": (NOW_S - 10, 25.0)})
    steady = look(BOTH, {"voice": Demand(9, slack_s=20.0)}, slack={"voice": (NOW_S - 10, 21.0)})
    assert [type(action) for action in plan((CARD,), RULES, shrinking)] == [Start]
    assert plan((CARD,), RULES, steady) == []


def test_nothing_grows_while_a_new_process_still_loads():
    loading = (*BOTH, seat(3, "voice", age_s=10, ready=False))
    assert plan((CARD,), RULES, look(loading, {"voice": Demand(99, 5.0)})) == []
    failing = (*BOTH, seat(3, "voice", age_s=61, ready=False))
    assert [type(a) for a in plan((CARD,), RULES, look(failing, {"voice": Demand(99, 5.0)}))] == [Start]


def test_the_more_urgent_role_grows_first():
    urgent = {"whisper": Demand(60, slack_s=9.0), "voice": Demand(60, slack_s=3.0)}
    assert [action.role for action in plan((CARD,), RULES, look(BOTH, urgent))] == ["voice"]


def test_only_one_of_two_devices_grows_a_role():
    other = replace(CARD, name="card-1")
    seats = (*BOTH, *(replace(s, number=s.number + 10, place="card-1") for s in BOTH))
    assert len(plan((CARD, other), RULES, look(seats, {"voice": Demand(99, 5.0)}))) == 1


def test_a_full_device_changes_an_idle_process_into_what_is_needed():
    full = (*BOTH, seat(3, "whisper", age_s=100))
    need = {"voice": Demand(80, slack_s=1.0)}
    assert plan((TIGHT,), RULES, look(full, need, spare=["whisper"])) == [
        Change(3, "card-0", "whisper", "voice", "80 jobs wait")
    ]
    assert plan((TIGHT,), RULES, look(full, need)) == [], "it was not idle for long"
    young = (*BOTH, seat(3, "whisper", age_s=59))
    assert [a.seat for a in plan((TIGHT,), RULES, look(young, need, spare=["whisper"]))] == [1], "an older one goes"


def test_a_process_does_not_change_when_its_own_role_is_needed_or_at_its_minimum():
    full = (*BOTH, seat(3, "whisper"))
    both = {"voice": Demand(80, slack_s=1.0), "whisper": Demand(80, slack_s=2.0)}
    assert plan((TIGHT,), RULES, look(full, both, spare=["whisper"])) == []
    at_minimum = (seat(1, "whisper"), seat(2, "voice"), seat(3, "voice"))
    assert plan((TIGHT,), RULES, look(at_minimum, {"voice": Demand(80, 1.0)}, spare=["whisper"])) == []


def test_quiet_ends_the_youngest_process_above_the_minimum():
    three = (*BOTH, seat(3, "voice", age_s=400), seat(4, "voice", age_s=350))
    assert plan((CARD,), RULES, look(three, spare=["voice", "whisper"])) == [
        Stop(4, "card-0", "voice", "not needed for 300 s")
    ]
    assert plan((CARD,), RULES, look(BOTH, spare=["voice", "whisper"])) == []


@pytest.mark.parametrize(
    "faces", [Demand(11, 50.0), Demand(1, -1.0), Demand(0, None, busy_slots=2)], ids=["waiting", "late", "busy"]
)
def test_it_is_not_quiet_while_jobs_wait_or_are_late_or_the_slots_are_all_busy(faces):
    two = (*BOTH, seat(3, "voice"))
    full = replace(CARD, shapes=CARD.shapes | {"voice": Shape(1, 2, 1, 20)})
    assert plan((full,), RULES, look(two, {"voice": faces}, spare=["voice"])) == []


def test_a_draining_process_holds_its_memory_until_it_is_gone():
    whole = replace(CARD, memory_bytes=70)
    need = {"voice": Demand(80, slack_s=1.0)}
    assert plan((whole,), RULES, look((*BOTH, seat(3, "voice", leaving=True)), need)) == []
    assert plan((whole,), RULES, look(BOTH, need)) == [Start("card-0", "voice", "80 jobs wait")]


def test_spare_time_starts_anew_after_every_change_of_the_number_of_slots():
    two = (*BOTH, seat(3, "voice"))
    observed = look(two, spare=["voice"])
    assert remember((CARD,), RULES, observed).spare_since_s["card-0", "voice"] == 0.0
    grown = replace(observed, past=replace(observed.past, slots={"voice": 1}))
    assert remember((CARD,), RULES, grown).spare_since_s["card-0", "voice"] == NOW_S


class TestDrainedByAnOperator:
    """Its process lives, keeps its memory, and takes nothing."""

    def test_the_one_that_works_is_not_stopped_for_it(self):
        seats = (seat(1, "whisper"), seat(2, "voice", draining=True), seat(3, "voice", age_s=400.0))
        assert plan((CARD,), RULES, look(seats, spare=["voice"])) == []

    def test_another_is_started_in_its_place_where_there_is_room(self):
        seats = (seat(1, "whisper"), seat(2, "voice", draining=True))
        assert plan((CARD,), RULES, look(seats)) == [Start("card-0", "voice", "minimum")]
        narrow = replace(CARD, most_slots=2)
        assert plan((narrow,), RULES, look(seats)) == []

    def test_it_goes_before_those_that_work(self):
        seats = (
            seat(1, "whisper"), seat(2, "voice", draining=True), seat(3, "voice", 400.0), seat(4, "voice", 300.0),
        )  # fmt: skip
        (stop,) = plan((CARD,), RULES, look(seats, spare=["voice"]))
        assert (stop.seat, stop.role) == (2, "voice")

    def test_its_room_is_given_to_a_role_that_needs_it(self):
        seats = (*BOTH, seat(3, "whisper", draining=True), seat(4, "whisper", age_s=100.0))
        tight = replace(CARD, memory_bytes=110, most_slots=4)
        (change,) = plan((tight,), RULES, look(seats, {"voice": Demand(80, slack_s=1.0)}, spare=["whisper"]))
        assert (change.seat, change.becomes) == (3, "voice")

    def test_its_slots_are_not_counted(self):
        seats = (*BOTH, seat(3, "voice", draining=True))
        assert slots_of((CARD,), look(seats), "voice") == 1
