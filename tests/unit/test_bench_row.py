"""How a row is judged, and what the report says about it."""

import json

import msgspec
import pytest
from rich.console import Console

from appliance.bench.report import panel
from appliance.bench.rounds import Sample, Timings
from appliance.bench.row import Check, Demand, Sides, judged, not_run

GOOD = Check(passed=True, detail="equal")
SIDES = Sides(a="ours", b="theirs", threads="two each")


def timings(a: list[float], b: list[float]) -> Timings:
    return Timings([Sample(each) for each in a], [Sample(each) for each in b])


def row(a: list[float], b: list[float], demand: Demand, check: Check = GOOD):
    return judged("name", demand, timings(a, b), check, SIDES)


def test_a_least_demand_is_held_against_baseline_over_ours():
    assert row([1.0, 1.0], [2.0, 2.0], Demand(bound=1.9)).ratio == 2.0
    assert row([1.0, 1.0], [2.0, 2.0], Demand(bound=1.9)).verdict == "holds"
    assert row([1.0, 1.0], [2.0, 2.0], Demand(bound=2.1)).verdict == "falls_short"


def test_a_most_demand_is_held_against_ours_over_baseline():
    assert row([1.04, 1.04], [1.0, 1.0], Demand(bound=1.05, side="most")).holds is True
    assert row([1.10, 1.10], [1.0, 1.0], Demand(bound=1.05, side="most")).holds is False


@pytest.mark.parametrize(("per_s", "verdict"), [(300.0, "holds"), (299.0, "falls_short")])
def test_a_rate_is_held_against_its_demand_whatever_the_ratio_is(per_s: float, verdict: str):
    demand = Demand(bound=300, side="rate")
    found = judged("name", demand, timings([1.0, 1.0], [0.5, 0.5]), GOOD, SIDES, per_s=per_s)
    assert (found.verdict, found.per_s, found.ratio, found.demand_is) == (verdict, per_s, 0.5, "rate")


def test_the_ratio_is_of_medians_and_the_minima_stand_beside_it():
    found = row([1.0, 1.0, 4.0, 1.0], [3.0, 9.0, 3.0, 2.0], Demand(bound=2))

    assert (found.ratio, found.min_ratio) == (3.0, 2.0)
    assert (found.a, found.b, found.rounds) == (1000.0, 3000.0, 4)


def test_an_unsteady_control_makes_a_row_inconclusive_whatever_its_ratio():
    found = row([1.0, 1.2], [9.0, 9.0], Demand(bound=2))

    assert (found.verdict, found.holds) == ("inconclusive", None)
    assert found.control == pytest.approx(0.833)


def test_wrong_output_never_holds_even_when_the_row_is_also_unsteady():
    wrong = Check(passed=False, detail="texts differ")

    assert row([1.0, 1.0], [9.0, 9.0], Demand(bound=2), wrong).holds is False
    assert row([1.0, 1.5], [9.0, 9.0], Demand(bound=2), wrong).verdict == "check_failed"


def test_a_row_that_could_not_be_measured_says_why_and_claims_nothing():
    found = not_run("burst", Demand(bound=1.7), "There is no language pack for en to fr.")

    assert (found.ratio, found.holds, found.verdict) == (None, None, "not_run")
    assert "language pack" in found.reason


def test_a_row_as_json_has_the_promised_fields():
    document = json.loads(msgspec.json.encode(row([1.0, 1.0], [2.0, 2.0], Demand(bound=1.9))))

    assert {"name", "ratio", "demand", "holds", "a", "b", "control", "check"} <= document.keys()
    assert document["check"] == {"passed": True, "detail": "equal"}


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (row([1.0, 1.0], [2.0, 2.0], Demand(bound=1.9)), ("holds", "≥ 1.9", "ours", "theirs", "two each")),
        (row([1.0, 1.0], [1.0, 1.0], Demand(bound=1.05, side="most")), ("≤ 1.05",)),
        (row([1.0, 1.0], [2.0, 2.0], Demand(bound=1), Check(passed=False, detail="no audio")), ("WRONG", "no audio")),
        (
            judged("n", Demand(bound=300, side="rate"), timings([1.0, 1.0], [2.0, 2.0]), GOOD, SIDES, per_s=320.0),
            ("320 per second", "≥ 300", "2.00 of medians"),
        ),
        (not_run("x", Demand(bound=1), "no models here"), ("not run", "no models here")),
    ],
)
def test_the_panel_says_what_a_reader_needs(found, words: tuple[str, ...]):
    console = Console(width=100, record=True, file=None, quiet=False)
    with console.capture() as printed:
        console.print(panel(found))

    assert all(word in printed.get() for word in words)
