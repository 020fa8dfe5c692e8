"""How long paced engines take, and that they load once."""

import pytest

from appliance.errors import CommandFailed
from appliance.testing import pace as pacing
from appliance.testing.pace import Pace, Timing, pace_of


@pytest.mark.parametrize(("count", "seconds"), [(0, 0.0), (1, 0.05), (8, 0.12)])
def test_a_batch_takes_its_first_item_s_time_and_a_share_for_each_further_one(count: int, seconds: float):
    assert Pace(0.05, 0.01).batch_s(count) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "pace"), [("hear=0.05+0.01", Pace(0.05, 0.01)), ("hear=2", Pace(2.0)), ("hear=0.0+0.0", Pace())]
)
def test_a_pace_is_read_from_a_command_line(text: str, pace: Pace):
    assert pace_of(text) == ("hear", pace)


@pytest.mark.parametrize("text", ["hear", "hear=", "hear=soon", "hear=1+x", "finish=1"])
def test_what_is_no_pace_is_refused_with_its_text(text: str):
    with pytest.raises(CommandFailed, match=text.split("=")[0]):
        pace_of(text)


def test_an_engine_loads_when_it_is_warmed_and_not_again_at_its_first_batch(monkeypatch):
    slept, begun = [], []
    monkeypatch.setattr(pacing.time, "sleep", slept.append)
    timing = Timing("hear", Pace(0.5), load_s=3.0, begins=lambda family, count: begun.append((family, count)))

    timing.load()
    timing.take(1)

    assert slept == [3.0, 0.0, 0.5]
    assert begun == [("hear", 1)]


def test_an_engine_that_nobody_warmed_loads_in_its_first_batch(monkeypatch):
    slept = []
    monkeypatch.setattr(pacing.time, "sleep", slept.append)
    timing = Timing("hear", Pace(0.5), load_s=3.0)

    timing.take(1)
    timing.take(1)

    assert sum(slept) == pytest.approx(3.0 + 0.5 + 0.5)
