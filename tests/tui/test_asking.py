"""What no picture holds is asked for every five seconds, and at once when somebody has done something."""

import asyncio
from functools import partial

import pytest

from tests.tui import scenes
from tests.tui.clock import StoppedClock
from tests.tui.picture_text import picture, press, running
from tests.tui.scripted_source import ScriptedSource
from tui.screens.asking import ASKED_EVERY_S
from tui.screens.events import NOT_FOR_THIS_KEY
from tui.source import Outage, Refused, SourceError

SCREENS = {"jobs": "2 enter", "dead letters": "2 d", "job": "2 enter enter", "audit": "E"}
PICTURE_S = 2.0


class Hands:
    """Somebody at a console whose clock stands: opens a screen, presses keys, lets pictures come."""

    def __init__(self, app, pilot, source, clock):
        self.app, self.source, self.clock = app, source, clock
        self.press = partial(press, pilot)
        self._before = 0

    async def open(self, screen):
        await self.press(*SCREENS[screen].split())
        self._before = self._questions()

    async def picture(self, after_s=PICTURE_S):
        self.clock.advance(after_s)
        self.source.tell(scenes.degraded())
        await self.press()

    def asked(self):
        """Return how often more was asked since the last time."""
        asked, self._before = self._questions() - self._before, self._questions()
        return asked

    def _questions(self):
        return len(self.source.queries) + self.source.asked


def drive(scenario):
    async def run():
        source, clock = ScriptedSource(scenes.degraded()), StoppedClock()
        async with running(source, clock=clock) as (app, pilot):
            await scenario(Hands(app, pilot, source, clock))

    asyncio.run(run())


@pytest.mark.parametrize("screen", SCREENS)
def test_it_is_asked_for_with_the_first_picture_that_comes_five_seconds_later(screen):
    async def scenario(hands):
        await hands.open(screen)
        told = []
        for _ in range(6):
            await hands.picture()
            told.append(hands.asked())
        assert told == [0, 0, 1, 0, 0, 1]
        await hands.picture(after_s=ASKED_EVERY_S)
        assert hands.asked() == 1

    drive(scenario)


@pytest.mark.parametrize("screen", SCREENS)
def test_a_key_that_asks_is_not_kept_waiting(screen):
    async def scenario(hands):
        await hands.open(screen)
        await hands.press("r")
        assert hands.asked() == 1
        await hands.picture()
        assert hands.asked() == 0

    drive(scenario)


def test_who_comes_back_to_a_list_sees_it_as_it_is():
    async def scenario(hands):
        await hands.open("jobs")
        await hands.press("enter")
        hands.source.queries.clear()
        await hands.press("escape")
        assert len(hands.source.queries) == 1
        await hands.press("1", "2")
        assert len(hands.source.queries) == 2

    drive(scenario)


def test_another_lane_is_asked_for_at_once():
    async def scenario(hands):
        await hands.open("jobs")
        await hands.press("escape", "down", "enter")
        assert [query.lane for query in hands.source.queries] == ["hear.p0", "synthesize.p1"]

    drive(scenario)


def test_what_an_action_did_is_looked_at_as_soon_as_it_is_done():
    async def scenario(hands):
        await hands.open("jobs")
        await hands.press("C")
        hands.asked()
        hands.source.pages = {None: scenes.jobs_page(1, 5)}
        await hands.press("y")
        assert hands.asked() >= 1
        assert "job-0000" not in picture(hands.app)

    drive(scenario)


def test_the_answer_that_was_on_its_way_while_something_was_done_is_not_the_last_one():
    async def scenario(hands):
        await hands.open("jobs")
        hands.source.slow_pages = asyncio.Event()
        await hands.picture(after_s=ASKED_EVERY_S)
        await hands.press("C", "y")
        assert hands.asked() == 1
        hands.source.slow_pages.set()
        await hands.press()
        assert hands.asked() == 1

    drive(scenario)


def test_a_filter_is_of_what_is_there_when_it_was_typed():
    async def scenario(hands):
        await hands.open("jobs")
        await hands.press("slash", *"job")
        assert hands.asked() == 0
        await hands.press("enter")
        assert hands.asked() == 1
        await hands.press("escape")
        assert hands.asked() == 1

    drive(scenario)


def test_a_list_of_several_pages_stands_whatever_is_done_until_r():
    async def scenario(hands):
        hands.source.pages = {None: scenes.jobs_page(0, 100, "100"), "100": scenes.jobs_page(100, 30)}
        await hands.open("jobs")
        await hands.press("G")
        hands.asked()
        await hands.press("C", "y", "slash", *"job", "enter", "1", "2")
        await hands.picture(after_s=ASKED_EVERY_S)
        assert hands.asked() == 0
        await hands.press("r")
        assert hands.asked() == 1

    drive(scenario)


def test_a_list_stands_whose_second_page_was_on_its_way_when_something_was_done():
    async def scenario(hands):
        hands.source.pages = {None: scenes.jobs_page(0, 100, "100"), "100": scenes.jobs_page(100, 30)}
        await hands.open("jobs")
        hands.source.slow_pages = asyncio.Event()
        await hands.press("G")
        await hands.press("C", "y")
        hands.asked()
        hands.source.slow_pages.set()
        await hands.picture(after_s=ASKED_EVERY_S)
        assert hands.asked() == 0

    drive(scenario)


@pytest.mark.parametrize("screen", SCREENS)
def test_it_is_asked_for_at_once_after_the_picture_was_frozen_or_away(screen):
    async def scenario(hands):
        await hands.open(screen)
        await hands.press("space")
        await hands.picture(after_s=ASKED_EVERY_S)
        assert hands.asked() == 0
        await hands.press("r")
        assert hands.asked() == 0
        await hands.press("space")
        assert hands.asked() == 1
        hands.source.tell(Outage("offline", "No connection.", 4.0))
        await hands.press()
        await hands.picture()
        assert hands.asked() == 1

    drive(scenario)


def test_a_key_that_may_not_read_the_audit_is_refused_once_until_r_or_another_screen():
    async def scenario(hands):
        hands.source.unanswered = Refused("403: This needs the role 'operator'.")
        await hands.open("audit")
        for _ in range(4):
            await hands.picture(after_s=ASKED_EVERY_S)
            assert NOT_FOR_THIS_KEY in picture(hands.app) and "403: This needs the role" in picture(hands.app)
        assert hands.asked() == 0
        await hands.press("r")
        assert hands.asked() == 1
        await hands.press("1", "E")
        assert hands.asked() == 1
        hands.source.tell(Outage("refused", "401"))
        await hands.press()
        hands.source.unanswered = None
        await hands.picture()
        assert hands.asked() == 1
        assert NOT_FOR_THIS_KEY not in picture(hands.app)

    drive(scenario)


def test_an_audit_that_cannot_be_had_for_another_reason_is_asked_for_again():
    async def scenario(hands):
        hands.source.unanswered = SourceError("It is away.")
        await hands.open("audit")
        await hands.picture(after_s=ASKED_EVERY_S)
        assert hands.asked() == 1
        assert "It is away." in picture(hands.app) and NOT_FOR_THIS_KEY not in picture(hands.app)

    drive(scenario)
