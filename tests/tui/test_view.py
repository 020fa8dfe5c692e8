"""The first line: how fresh the picture is, who looks at what, and nothing beyond the width of the terminal."""

import re
from dataclasses import replace

import pytest

from appliance.admin import schema
from tests.tui import scenes
from tui.glyphs import ASCII, plain
from tui.source import Outage
from tui.view import View, freshness, status_segments

SEEN = View("https://box.lan", me=schema.Me(name="anna", role="operator", key_id="k")).with_snapshot(
    scenes.calm(), monotonic_s=100.0, now_s=scenes.NOW_S
)


def fresh(view: View, monotonic_s: float) -> str:
    return freshness(view, monotonic_s, ASCII)[0]


def line(view: View, monotonic_s: float = 102.0, width: int = 118) -> str:
    return plain(status_segments(view, monotonic_s, width, ASCII))


def test_a_picture_is_live_until_three_are_missing():
    assert fresh(SEEN, 102.0) == "+ live 2s"
    assert fresh(SEEN, 106.0) == "+ live 6s"
    assert fresh(SEEN, 109.0) == "! stale 9.0s"


def test_before_the_first_picture_it_connects():
    assert fresh(View("https://box.lan"), 5.0) == "- connecting"


def test_an_outage_says_since_when_what_is_shown_is_from_when_and_when_it_tries_again():
    gone = SEEN.with_outage(Outage("offline", "No connection.", 4.0), 110.0)
    still = gone.with_outage(Outage("offline", "No connection.", 8.0), 114.0)

    assert fresh(still, 157.0) == "x offline 47s, data from 08:00:00, next try 8s"


def test_a_refused_key_waits_for_a_person():
    assert fresh(SEEN.with_outage(Outage("refused", "401"), 110.0), 111.0).endswith("r tries again")


def test_the_next_picture_ends_an_outage():
    back = SEEN.with_outage(Outage("offline", "", 1.0), 110.0).with_snapshot(scenes.calm(), 120.0, scenes.NOW_S + 20)

    assert back.outage is None
    assert fresh(back, 121.0) == "+ live 1s"


def test_a_frozen_picture_stays_while_newer_ones_come_and_the_newest_is_shown_after():
    frozen = SEEN.toggled().with_snapshot(scenes.degraded(), 104.0, scenes.NOW_S + 4)

    assert frozen.snapshot == scenes.calm()
    assert fresh(frozen, 104.0) == "= frozen, data from 08:00:00"
    assert frozen.toggled().snapshot == scenes.degraded()


def test_who_freezes_before_the_first_picture_holds_the_first():
    frozen = View("https://box.lan").toggled().with_snapshot(scenes.calm(), 100.0, scenes.NOW_S)

    assert frozen.snapshot == scenes.calm()
    assert fresh(frozen, 100.0) == "= frozen, data from 08:00:00"
    assert frozen.with_snapshot(scenes.degraded(), 102.0, scenes.NOW_S + 2).snapshot == scenes.calm()


def test_the_appliances_time_of_day_goes_on_between_pictures():
    assert line(SEEN, 107.0).endswith("08:00:07")


@pytest.mark.parametrize(("ahead_s", "told"), [(0.0, ""), (4.9, ""), (3_600.0, "clock +3600s"), (-90.0, "clock -90s")])
def test_a_clock_that_is_off_is_told_and_does_no_harm(ahead_s, told):
    view = SEEN.with_snapshot(scenes.calm(), 100.0, scenes.NOW_S - ahead_s)

    assert re.findall(r"clock \S+", line(view)) == ([told] if told else [])
    assert fresh(view, 102.0) == "+ live 2s"


def test_a_clock_that_is_off_is_told_beside_the_longest_address():
    place = f"https://{'meeshy-' * 8}.example.org:8443"
    view = replace(SEEN, place=place).with_snapshot(scenes.calm(), 100.0, scenes.NOW_S - 3_600.0)

    assert "| clock +3600s" in line(view, width=78)


@pytest.mark.parametrize("width", [20, 30, 50, 78, 118, 198])
@pytest.mark.parametrize("outage", [None, Outage("offline", "gone", 30.0)])
def test_the_line_is_exactly_as_wide_as_the_terminal(width, outage):
    view = replace(SEEN, outage=outage, outage_since_s=100.0, read_only=True)

    assert len(line(view, width=width)) == width


def test_what_has_no_room_goes_from_the_right_and_the_state_stays():
    assert "anna (operator)" in line(SEEN, width=78)
    narrow = line(SEEN, width=36)
    assert "box.lan" in narrow
    assert "anna" not in narrow
    assert narrow.startswith("+ live 2s")


@pytest.mark.parametrize(
    ("role", "read_only", "may"),
    [
        ("viewer", False, False),
        ("operator", False, True),
        ("admin", False, True),
        ("admin", True, False),
        ("x", False, False),
    ],
)
def test_who_may_act(role, read_only, may):
    view = replace(SEEN, me=schema.Me(name="anna", role=role, key_id="k"), read_only=read_only)

    assert view.may_act is may
    assert view.can_act_now is may


def test_nobody_acts_during_an_outage_or_before_the_appliance_said_who_asks():
    assert not SEEN.with_outage(Outage("offline", "", 1.0), 110.0).can_act_now
    assert SEEN.with_outage(Outage("offline", "", 1.0), 110.0).may_act
    assert not replace(SEEN, me=None).may_act
