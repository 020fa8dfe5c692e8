import pytest

from appliance.audio.decoded import MISSING_RANGES_MAX
from appliance.audio.timeline import Timeline


def test_pieces_that_follow_each_other_leave_nothing_missing():
    timeline = Timeline(reach_s=10.0)

    holes = [timeline.place(number * 0.5, 0.5) for number in range(20)]

    assert not any(holes)
    assert timeline.missing(declared_s=10.0, damaged=False) == []


def test_a_gap_in_the_stamps_is_a_hole_at_its_place():
    timeline = Timeline(reach_s=10.0)
    timeline.place(0.0, 2.0)

    timeline.place(5.0, 5.0)

    assert timeline.holes == [(2.0, 3.0)]
    assert timeline.missing(declared_s=10.0, damaged=False) == [(2.0, 5.0)]


def test_later_holes_are_told_in_time_of_the_filled_recording():
    timeline = Timeline(reach_s=10.0)

    for stamp_s in (0.0, 2.0, 4.0):
        timeline.place(stamp_s, 1.0)

    assert timeline.missing(declared_s=5.0, damaged=False) == [(1.0, 2.0), (3.0, 4.0)]


def test_what_the_header_declares_beyond_the_last_piece_is_missing():
    timeline = Timeline(reach_s=10.0)
    timeline.place(0.0, 4.0)

    assert timeline.missing(declared_s=10.0, damaged=False) == [(4.0, 10.0)]


def test_encoder_padding_is_not_missing_sound():
    timeline = Timeline(reach_s=10.0)
    timeline.place(0.0, 9.9)

    assert timeline.missing(declared_s=10.0, damaged=False) == []


def test_the_jitter_of_a_phone_is_no_damage():
    timeline = Timeline(reach_s=10.0)

    holes = [timeline.place(number * 0.02 + (0.03 if number % 7 == 3 else 0), 0.02) for number in range(100)]

    assert not any(holes)


def test_after_a_bad_packet_a_hole_of_one_packet_counts():
    timeline = Timeline(reach_s=10.0)
    timeline.place(0.0, 1.0)

    assert timeline.place(1.02, 1.0, after_damage=True)
    assert timeline.missing(None, damaged=True) == [(1.0, 1.02)]


def test_a_stream_that_begins_late_is_whole_unless_its_format_counts_from_zero():
    late, counted = Timeline(reach_s=10.0), Timeline(reach_s=10.0, starts_at_zero=True)

    late.place(3.0, 1.0)
    counted.place(3.0, 1.0)

    assert late.missing(None, damaged=False) == []
    assert counted.missing(None, damaged=False) == [(0.0, 3.0)]


def test_stamps_that_jump_back_start_the_count_anew():
    timeline = Timeline(reach_s=100.0)
    timeline.place(50.0, 1.0)
    timeline.place(0.0, 1.0)

    timeline.place(3.0, 1.0)

    assert timeline.missing(None, damaged=False) == [(2.0, 4.0)]


def test_a_jump_beyond_the_recording_is_not_believed():
    timeline = Timeline(reach_s=10.0)
    timeline.place(0.0, 1.0)

    assert not timeline.place(5000.0, 1.0)
    assert timeline.placed_s == 2.0


def test_a_false_hole_goes_when_the_whole_becomes_longer_than_the_recording():
    timeline = Timeline(reach_s=10.0)
    timeline.place(0.0, 4.0)
    timeline.place(8.0, 1.0)
    timeline.place(5.0, 5.0)

    timeline.settle()

    assert timeline.holes == []
    assert timeline.placed_s == 10.0


def test_an_estimated_hole_that_is_a_little_too_long_is_trimmed():
    timeline = Timeline(reach_s=10.0)
    timeline.place(None, 4.0)
    timeline.place(None, 4.0, after_damage=True, lost_s=2.5)

    timeline.settle()

    assert timeline.holes == [(4.0, pytest.approx(2.0))]


def test_more_holes_than_can_be_told_end_in_one_long_range():
    timeline = Timeline(reach_s=1000.0)
    for number in range(300):
        timeline.place(number * 2.0, 1.0)

    missing = timeline.missing(None, damaged=True)

    assert len(missing) == MISSING_RANGES_MAX
    assert missing[-1][1] == 598.0
