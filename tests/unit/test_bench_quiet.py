"""Runs that other programs disturbed are made again, whatever they took."""

import pytest

from appliance.bench.quiet import LONGEST_WAIT_S, MOST_REPEATS, undisturbed
from appliance.bench.rounds import Sample
from appliance.testing.clock import FrozenClock


class Neighbours:
    """Other programs: what they have used so far, and what they will use in each stretch of time to come."""

    def __init__(self, clock: FrozenClock, cores: list[float]) -> None:
        self.clock, self.cores, self.used_s, self.stretches = clock, cores, 0.0, 0

    def others_s(self) -> float:
        return self.used_s

    def pass_time(self, seconds: float) -> None:
        cores = self.cores[min(self.stretches, len(self.cores) - 1)]
        self.stretches += 1
        self.used_s += cores * seconds
        self.clock.advance(seconds)


def careful_turn(neighbours: Neighbours, lengths_s: list[float]):
    lengths = iter(lengths_s)

    def turn() -> Sample:
        length_s = next(lengths)
        neighbours.pass_time(length_s)
        return Sample(length_s)

    return undisturbed(turn, neighbours.clock, neighbours.others_s, neighbours.pass_time)


def test_a_quiet_run_is_kept():
    neighbours = Neighbours(FrozenClock(), [0.0])

    assert careful_turn(neighbours, [2.0])() == Sample(2.0, None, 0.0)


def test_a_run_waits_until_the_others_are_quiet():
    clock = FrozenClock()
    neighbours = Neighbours(clock, [1.5, 1.5, 1.5, 0.0])

    careful_turn(neighbours, [2.0])()

    assert clock.now_s() - FrozenClock().now_s() == pytest.approx(4 * 1.0 + 2.0)


def test_a_disturbed_run_is_made_again_even_when_it_was_the_faster_one():
    neighbours = Neighbours(FrozenClock(), [0.0, 0.8, 0.0, 0.0])

    assert careful_turn(neighbours, [1.0, 3.0])() == Sample(3.0, None, 0.0)


def test_on_a_machine_that_never_gets_quiet_the_quietest_run_is_kept_and_says_so():
    clock = FrozenClock()
    neighbours = Neighbours(clock, [1.0])
    turn = careful_turn(neighbours, [2.0] * (1 + MOST_REPEATS))

    sample = turn()

    assert sample.others == pytest.approx(1.0)
    assert clock.now_s() - FrozenClock().now_s() == pytest.approx((1 + MOST_REPEATS) * (LONGEST_WAIT_S + 2.0))
