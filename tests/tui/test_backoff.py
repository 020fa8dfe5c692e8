"""Waits grow to half a minute and differ between consoles."""

from tui.backoff import BackOff


def test_waits_double_up_to_half_a_minute():
    backoff = BackOff(lambda: 0.0)

    assert [backoff.next_s() for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]


def test_waits_are_shortened_at_random_but_never_below_a_second():
    backoff = BackOff(lambda: 1.0)

    assert [backoff.next_s() for _ in range(6)] == [1, 1, 2, 4, 8, 15]


def test_a_thousand_failures_are_no_overflow():
    backoff = BackOff(lambda: 0.0)
    for _ in range(1_000):
        last_s = backoff.next_s()

    assert last_s == 30


def test_success_begins_with_the_shortest_wait_again():
    backoff = BackOff(lambda: 0.0)
    backoff.next_s()
    backoff.next_s()
    backoff.reset()

    assert backoff.next_s() == 1
