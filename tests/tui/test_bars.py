"""Bars have a fixed top: what is constant looks constant, and full looks full."""

import pytest

from tui.bars import gathered, level, line, meter
from tui.glyphs import ASCII, UNICODE


def test_constant_full_load_is_drawn_at_the_top_and_constant_idleness_at_the_bottom():
    assert line([1.0] * 5, 5, 1.0, UNICODE) == "█████"
    assert line([0.0] * 5, 5, 1.0, UNICODE) == "▁▁▁▁▁"


def test_small_swings_near_the_top_stay_small():
    assert set(line([0.97, 0.99, 0.98, 0.97], 4, 1.0, UNICODE)) == {"█"}


def test_what_was_not_measured_is_a_gap_and_no_zero():
    assert line([0.5, None, 0.5], 3, 1.0, UNICODE) == "▅ ▅"


def test_fewer_values_than_columns_stand_at_the_right():
    assert line([1.0], 4, 1.0, UNICODE) == "   █"


def test_more_values_than_columns_keep_their_peaks():
    assert gathered([0.1, 0.9, 0.1, 0.1, None, 0.2], 3) == [0.9, 0.1, 0.2]
    assert gathered([None, None, 1.0], 2) == [None, 1.0]
    assert gathered([1.0], 0) == []


def test_a_value_beyond_the_top_is_as_high_as_the_top():
    assert level(7.0, 1.0, UNICODE) == "█"
    assert level(1.0, 0.0, UNICODE) == "▁"


@pytest.mark.parametrize(("ratio", "filled"), [(None, 0), (0.0, 0), (0.01, 1), (0.5, 3), (1.0, 6), (1.42, 6)])
def test_a_meter_shows_that_there_is_something_and_never_leaves_its_width(ratio, filled):
    drawn = meter(ratio, 6, ASCII)

    assert drawn == ("#" * filled).ljust(6)


def test_ascii_bars_are_ascii():
    assert line([value / 10 for value in range(11)], 11, 1.0, ASCII).isascii()
