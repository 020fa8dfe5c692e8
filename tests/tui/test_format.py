"""Figures in narrow columns: short, honest at the edges, a dash for what is not known."""

import pytest

from tui import format as fmt


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (-0.4, "0.0s"),
        (0, "0.0s"),
        (9.94, "9.9s"),
        (9.96, "10s"),
        (119.4, "119s"),
        (120, "2m"),
        (3599.4, "59m"),
        (3600, "1h 00m"),
        (11_100, "3h 05m"),
        (86_400, "1d 00h"),
        (532_800, "6d 04h"),
    ],
)
def test_an_age_is_at_most_seven_characters(seconds, text):
    assert fmt.age(seconds) == text
    assert len(text) <= 7


@pytest.mark.parametrize(
    ("ratio", "text"),
    [(None, "-"), (0, "0%"), (0.001, "<1%"), (0.5, "50%"), (0.996, ">99%"), (1, "100%"), (1.42, "142%")],
)
def test_almost_all_is_not_all_and_almost_nothing_is_not_nothing(ratio, text):
    assert fmt.percent(ratio) == text


@pytest.mark.parametrize(
    ("value", "text"), [(None, "-"), (0.617, "0.62"), (9.996, "10.0"), (14.23, "14.2"), (99.96, "100"), (402.4, "402")]
)
def test_seconds_lose_decimals_as_they_grow(value, text):
    assert fmt.seconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(None, "-"), (0, "0"), (9_999, "9999"), (12_345, "12k"), (999_499, "999k"), (3_400_000, "3.4M")]
)
def test_a_count_is_at_most_five_characters(value, text):
    assert fmt.count(value) == text


def test_memory_without_a_total_is_told_without_one():
    assert fmt.used_of(20.1 * 2**30, 24 * 2**30) == "20.1/24.0G"
    assert fmt.used_of(20.1 * 2**30, None) == "20.1G"
    assert fmt.used_of(None, 24 * 2**30) == "-"


def test_a_moment_of_another_day_is_told_with_its_date():
    assert fmt.moment(1_800_000_000, 1_800_000_060) == fmt.clock(1_800_000_000)
    assert "." in fmt.moment(1_800_000_000 - 3 * 86_400, 1_800_000_000)
    assert fmt.moment(None, 0) == "-"


def test_what_is_cut_says_so():
    assert fmt.cut("large-v3", 8) == "large-v3"
    assert fmt.cut("large-v3-turbo", 8) == "large-v~"
    assert fmt.cut("x", 0) == ""


def test_one_is_not_plural():
    assert fmt.plural(1, "job") == "1 job"
    assert fmt.plural(0, "job") == "0 jobs"


@pytest.mark.parametrize(
    ("width", "text"), [(20, "GPU0 gpu-node-1"), (15, "GPU0 gpu-node-1"), (14, "GPU0 gp~node-1"), (2, "G~"), (0, "")]
)
def test_of_a_long_name_the_middle_goes(width, text):
    assert fmt.cut_middle("GPU0 gpu-node-1", width) == text
