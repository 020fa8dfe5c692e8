"""The order in which the two sides run, and when a row goes on."""

import pytest

from appliance.bench.rounds import Plan, Sample, interleaved, order, repeated, stopwatch
from appliance.testing.clock import FrozenClock


class Diary:
    """Two sides that write down when they run; every run lasts as long as the diary says."""

    def __init__(self) -> None:
        self.entries: list[str] = []

    def side(self, name: str):
        def turn() -> Sample:
            self.entries.append(name)
            return Sample(1.0, f"{name}{len(self.entries)}")

        return turn


@pytest.mark.parametrize(("rounds", "expected"), [(1, "AB"), (2, "ABBA"), (3, "ABBAAB"), (5, "ABBAABBAAB")])
def test_every_second_round_starts_with_the_other_side(rounds: int, expected: str):
    assert "".join(order(rounds)) == expected


def test_warm_up_runs_are_made_and_not_counted():
    diary = Diary()

    timings = interleaved(diary.side("A"), diary.side("B"), Plan(rounds=2, most_rounds=2, warm_up=2))

    assert "".join(diary.entries) == "ABAB" + "ABBA"
    assert [sample.output for sample in timings.a] == ["A5", "A8"]
    assert [sample.output for sample in timings.b] == ["B6", "B7"]


def test_a_steady_row_stops_after_the_planned_rounds():
    diary = Diary()

    timings = interleaved(diary.side("A"), diary.side("B"), Plan(rounds=6, most_rounds=12, warm_up=0), lambda _: True)

    assert (len(timings.a), len(timings.b)) == (6, 6)


def test_an_unsteady_row_goes_on_in_whole_abba_blocks_up_to_its_most_rounds():
    diary, asked = Diary(), []

    def never_steady(samples) -> bool:
        asked.append(len(samples))
        return False

    timings = interleaved(diary.side("A"), diary.side("B"), Plan(rounds=6, most_rounds=10, warm_up=0), never_steady)

    assert asked == [6, 8]
    assert (len(timings.a), len(timings.b)) == (10, 10)


def test_a_row_that_becomes_steady_stops_there():
    diary = Diary()

    timings = interleaved(
        diary.side("A"), diary.side("B"), Plan(rounds=4, most_rounds=12, warm_up=0), lambda a: len(a) >= 6
    )

    assert len(timings.a) == len(timings.b) == 6


def test_only_a_s_own_samples_decide_whether_a_row_goes_on():
    diary, seen = Diary(), []

    interleaved(diary.side("A"), diary.side("B"), Plan(rounds=2, most_rounds=4, warm_up=0), lambda a: seen.extend(a))

    assert all(sample.output.startswith("A") for sample in seen)


def test_a_side_alone_keeps_to_the_plan_too():
    diary = Diary()

    samples = repeated(diary.side("A"), Plan(rounds=2, most_rounds=6, warm_up=1), lambda a: len(a) >= 4)

    assert [sample.output for sample in samples] == ["A2", "A3", "A4", "A5"]


def test_the_preparation_of_a_run_is_not_timed():
    clock = FrozenClock()

    def prepare() -> str:
        clock.advance(30.0)
        return "prepared"

    def run(given: str) -> str:
        clock.advance(2.0)
        return f"ran with what was {given}"

    assert stopwatch(clock, run, prepare)() == Sample(2.0, "ran with what was prepared")


def test_a_run_without_preparation_takes_no_argument():
    clock = FrozenClock()

    assert stopwatch(clock, lambda: clock.advance(0.5))().elapsed_s == pytest.approx(0.5)
