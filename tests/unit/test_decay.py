"""Counts that fade: closed form, independent of the order of events, sorted by a rank that time does not move."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from appliance.cache.decay import NOTHING, Count, counted

HALF_LIFE_S = 1000.0
moments = st.lists(st.floats(1e9, 1e9 + 20_000), min_size=1, max_size=12)


def told(happened):
    count = NOTHING
    for at_s in happened:
        count = counted(count, at_s, HALF_LIFE_S)
    return count


def test_a_half_life_later_it_is_half():
    assert Count(8.0, 0.0).at(HALF_LIFE_S, HALF_LIFE_S) == 4.0
    assert Count(8.0, 0.0).at(3 * HALF_LIFE_S, HALF_LIFE_S) == 1.0
    assert counted(Count(8.0, 0.0), HALF_LIFE_S, HALF_LIFE_S) == Count(5.0, HALF_LIFE_S)


@given(moments)
def test_it_is_the_sum_of_what_each_event_is_still_worth(happened):
    now_s = 1e9 + 30_000
    expected = sum(0.5 ** ((now_s - at_s) / HALF_LIFE_S) for at_s in happened)
    assert told(happened).at(now_s, HALF_LIFE_S) == pytest.approx(expected)


@given(moments, st.randoms())
def test_the_order_in_which_events_are_told_does_not_matter(happened, random):
    shuffled = list(happened)
    random.shuffle(shuffled)
    one, other = told(happened), told(shuffled)
    assert (one.value, one.at_s) == (pytest.approx(other.value), other.at_s)


@given(moments, moments, st.floats(1e9, 2e9))
def test_ranks_sort_as_worths_do_at_any_moment(happened, others, now_s):
    one, other = told(happened), told(others)
    assume(abs(one.rank(HALF_LIFE_S) - other.rank(HALF_LIFE_S)) > 1e-6)
    later_s = max(one.at_s, other.at_s) + (now_s - 1e9) % (20 * HALF_LIFE_S)
    more = one.at(later_s, HALF_LIFE_S) > other.at(later_s, HALF_LIFE_S)
    assert (one.rank(HALF_LIFE_S) > other.rank(HALF_LIFE_S)) == more
