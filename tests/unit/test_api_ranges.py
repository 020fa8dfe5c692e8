import pytest

from appliance.api.ranges import matches, requested_range
from appliance.errors import RangeNotSatisfiable


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=0-9", (0, 10)),
        ("bytes=90-", (90, 100)),
        ("bytes=90-1000", (90, 100)),
        ("bytes=-10", (90, 100)),
        ("bytes=-1000", (0, 100)),
        ("bytes= 5-6 ", (5, 7)),
    ],
)
def test_a_single_range_is_understood(header: str, expected: tuple[int, int]) -> None:
    assert requested_range(header, 100) == expected


@pytest.mark.parametrize(
    "header",
    [None, "", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=9-0", "items=0-1", "bytes=0-1,5-6", "bytes=٠-١"],
)
def test_what_is_not_understood_gives_the_whole_file(header: str | None) -> None:
    assert requested_range(header, 100) is None


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=999999999999999999-"])
def test_a_range_behind_the_end_is_refused_with_the_size(header: str) -> None:
    with pytest.raises(RangeNotSatisfiable) as refusal:
        requested_range(header, 100)
    assert refusal.value.extra["size_bytes"] == 100


@pytest.mark.parametrize("header", ['"a"', 'W/"a"', '"b", "a"', "*", ' "a" '])
def test_a_known_etag_matches(header: str) -> None:
    assert matches('"a"', header)


@pytest.mark.parametrize("header", [None, "", '"b"', "a"])
def test_another_etag_does_not_match(header: str | None) -> None:
    assert not matches('"a"', header)
