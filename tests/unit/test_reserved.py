"""Which slots are reserved: a pure function of what plans ask for and who is alive."""

from hypothesis import given
from hypothesis import strategies as st

from appliance.jobs.fleet import Fleet
from appliance.jobs.items import FAMILIES
from appliance.jobs.reserved import reserve

HEARS, SPEAKS = frozenset({"hear", "translate", "finish"}), frozenset({"synthesize"})


def kept(asked, living, family):
    """Return the slots that are kept, each with its plan."""
    return {slot: plans[family] for slot, plans in reserve(asked, living).items() if family in plans}


def test_the_highest_slots_are_kept_and_the_others_are_everybodys():
    living = {("a", 0): SPEAKS, ("b", 0): SPEAKS, ("c", 0): SPEAKS}
    assert kept({"gold": 1}, living, "synthesize") == {("c", 0): "gold"}


def test_slots_of_one_process_count_each():
    living = {("a", number): HEARS for number in range(4)}
    assert kept({"gold": 2}, living, "hear") == {("a", 3): "gold", ("a", 2): "gold"}


def test_a_family_that_a_slot_does_not_take_is_kept_elsewhere():
    living = {("a", 0): HEARS, ("b", 0): HEARS, ("c", 0): SPEAKS, ("d", 0): SPEAKS}
    assert kept({"gold": 1}, living, "hear") == {("b", 0): "gold"}
    assert kept({"gold": 1}, living, "synthesize") == {("d", 0): "gold"}


def test_the_last_slot_stays_everybodys_and_the_plan_named_first_comes_first():
    living = {("a", 0): SPEAKS, ("b", 0): SPEAKS, ("c", 0): SPEAKS}
    assert kept({"gold": 1, "silver": 5}, living, "synthesize") == {("c", 0): "gold", ("b", 0): "silver"}
    assert kept({"gold": 1}, {("a", 0): SPEAKS}, "synthesize") == {}


_slots = st.dictionaries(
    st.tuples(st.sampled_from("abcde"), st.integers(0, 3)), st.frozensets(st.sampled_from(FAMILIES)), max_size=12
)
_asked = st.dictionaries(st.sampled_from(["gold", "silver"]), st.integers(1, 2**31 - 1), max_size=2)


@given(asked=_asked, living=_slots)
def test_of_every_family_that_is_taken_somebody_takes_everybodys_work(asked, living):
    found = reserve(asked, living)
    for family in FAMILIES:
        takers = [slot for slot, families in living.items() if family in families]
        reserved = [slot for slot in takers if family in found[slot]]
        assert len(reserved) == min(sum(asked.values()), max(0, len(takers) - 1))
        assert all(family in living[slot] for slot, plans in found.items() if family in plans)


def test_a_plan_is_promised_its_own_slots_and_everybodys_and_no_others():
    kept_for = [{}, {"synthesize": "gold"}, {"synthesize": "silver"}]
    fleet = Fleet([SPEAKS | HEARS, SPEAKS | HEARS, SPEAKS | HEARS], kept_for)
    speaking = [0.0, 0.0, 6.0, 0.0]
    assert fleet.slots["synthesize"] == 3
    assert fleet.of("gold").slots == {"hear": 3, "translate": 3, "synthesize": 2, "finish": 3}
    assert (fleet.of("gold").time_s(speaking), fleet.of("free").time_s(speaking)) == (3.0, 6.0)
    assert fleet.of(None).slots == fleet.of("free").slots
