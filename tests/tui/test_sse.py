"""Events come out of bytes wherever the network cut them."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.sse import LONGEST_EVENT_BYTES, Event, EventReader, EventTooLong

STREAM = b': hello\r\nretry: 2000\nid: 7\nevent: snapshot\ndata: {"a":\ndata: 1}\n\n:\n\nid: 8\rdata:2\r\r'
EVENTS = [Event("snapshot", "7", '{"a":\n1}'), Event("message", "8", "2")]


def read(*chunks: bytes) -> list[Event]:
    reader = EventReader()
    return [event for chunk in chunks for event in reader.feed(chunk)]


def test_fields_lines_and_comments_are_read():
    assert read(STREAM + b"\n") == EVENTS


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_it_does_not_matter_where_the_bytes_were_cut(cuts):
    places = [0, *sorted(cuts), len(STREAM)]
    chunks = [STREAM[start:end] for start, end in pairwise(places)]

    assert read(*chunks, b"\n") == EVENTS


def test_a_cut_between_the_two_halves_of_a_line_end_makes_no_second_line():
    assert read(b"data: 1\r", b"\n\r", b"\n") == [Event("message", "", "1")]


def test_line_ends_of_unicode_are_text():
    assert read("data: a\u2028b\u0085c\n\n".encode()) == [Event("message", "", "a\u2028b\u0085c")]


def test_an_event_that_breaks_off_is_not_delivered():
    assert read(b"data: 1\n") == []


def test_an_event_beyond_the_bound_is_refused_before_it_is_whole():
    reader = EventReader()
    with pytest.raises(EventTooLong):
        for _ in range(1 + LONGEST_EVENT_BYTES // 2**20):
            list(reader.feed(b"data: " + b"x" * 2**20 + b"\n"))


def test_a_line_beyond_the_bound_is_refused_too():
    reader = EventReader()
    with pytest.raises(EventTooLong):
        list(reader.feed(b"x" * (LONGEST_EVENT_BYTES + 1)))
