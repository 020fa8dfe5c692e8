"""Runs that other programs disturbed are made again, whatever they took."""

import subprocess
import sys

import pytest

from appliance.bench.quiet import LONGEST_WAIT_S, MOST_REPEATS, others_cpu_s, undisturbed
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


def test_the_work_of_our_own_children_counts_as_ours():
    used_by_child_s = 1.0
    busy = f"import time\nwhile time.process_time() < {used_by_child_s}: pass"
    before_s = others_cpu_s()
    whole_before_s = _whole_machine_s()

    subprocess.run([sys.executable, "-c", busy], check=True)

    others_s, whole_s = others_cpu_s() - before_s, _whole_machine_s() - whole_before_s
    assert whole_s - others_s >= 0.9 * used_by_child_s


def test_the_work_of_a_server_in_the_background_counts_as_ours_when_it_is_named():
    # A grandchild whose parent has ended belongs to nobody of ours any more, as a server that forks itself away.
    used_s = 1.0
    busy = f"import time\nwhile time.process_time() < {used_s}: pass\nprint(flush=True)\nimport sys; sys.stdin.read()"
    launch = "import subprocess, sys\nprint(subprocess.Popen([sys.executable, '-c', sys.argv[1]]).pid, flush=True)"
    with subprocess.Popen(
        [sys.executable, "-c", launch, busy], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as away:
        server = int(away.stdout.readline())
        away.stdout.readline()
        away.wait()
        with_it_s, without_it_s = others_cpu_s((server,)), others_cpu_s()
        away.stdin.close()

    assert without_it_s - with_it_s >= 0.9 * used_s


def _whole_machine_s() -> float:
    from appliance.bench import quiet

    user, nice, system, _idle, _iowait, irq, soft_irq, steal, *_ = quiet._cpu_ticks()
    return (user + nice + system + irq + soft_irq + steal) * quiet._TICK_S
