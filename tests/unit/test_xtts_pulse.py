"""What a request that takes long says of itself: not of every step, and nothing that hides a cancellation."""

import socket

import pytest

from appliance.engines.xtts_process.frames import Closed, receive
from appliance.engines.xtts_process.pulse import Pulse


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    ours.settimeout(5.0)
    with ours, theirs:
        yield ours, theirs


def test_it_is_told_at_most_once_in_its_time(pair):
    ours, theirs = pair
    times_s = iter([0.0, 0.4, 0.9, 1.0, 1.5, 2.1, 2.2])
    pulse = Pulse(theirs, 7, lambda: False, every_s=1.0, monotonic_s=lambda: next(times_s))
    assert [pulse() for _ in range(6)] == [False] * 6
    theirs.close()
    assert [receive(ours)[0] for _ in range(2)] == [{"id": 7, "progress": True}] * 2
    with pytest.raises(Closed):
        receive(ours)


def test_it_says_whether_to_give_up_whether_it_tells_or_not(pair):
    _, theirs = pair
    answers = iter([False, True, True])
    pulse = Pulse(theirs, 1, lambda: next(answers), every_s=0.0, monotonic_s=lambda: 1.0)
    assert [pulse(), pulse(), pulse()] == [False, True, True]


def test_where_nobody_listens_the_work_ends(pair):
    ours, theirs = pair
    ours.close()
    pulse = Pulse(theirs, 1, lambda: False, every_s=0.0, monotonic_s=lambda: 1.0)
    with pytest.raises(Closed):
        pulse()
