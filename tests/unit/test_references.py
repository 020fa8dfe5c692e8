"""What a worker remembers of speakers: for their owner alone, a few of them, and not for long."""

import pytest

from appliance.owner import Owner
from appliance.stages.references import References
from appliance.testing.clock import FrozenClock

ALICE, BOB = Owner("app", "alice"), Owner("app", "bob")


@pytest.fixture
def clock():
    return FrozenClock()


@pytest.fixture
def references(clock):
    return References(kept_entries=2, kept_s=600.0, clock=clock)


def test_what_was_computed_is_known_for_its_owner_and_recording_alone(references):
    assert references.recall(ALICE, "a", "voice", lambda: 1) == (1, False)
    assert references.recall(ALICE, "a", "voice", lambda: 2) == (1, True)
    assert references.recall(BOB, "a", "voice", lambda: 3) == (3, False)
    assert references.recall(ALICE, "b", "voice", lambda: 4) == (4, False)


def test_the_one_not_used_for_longest_goes_first(references):
    for audio in ("a", "b", "a", "c"):
        references.recall(ALICE, audio, "voice", lambda audio=audio: audio)
    assert references.recall(ALICE, "a", "voice", lambda: "anew") == ("a", True)
    assert references.recall(ALICE, "b", "voice", lambda: "anew") == ("anew", False)


def test_nothing_grows_old_however_often_it_is_used(references, clock):
    references.recall(ALICE, "a", "voice", lambda: 1)
    clock.advance(400)
    assert references.recall(ALICE, "a", "voice", lambda: 2) == (1, True)
    clock.advance(200)
    assert references.recall(ALICE, "a", "voice", lambda: 3) == (3, False)


def test_what_nobody_asks_for_any_more_goes_too(references, clock):
    references.recall(ALICE, "a", "voice", lambda: 1)
    clock.advance(599)
    references.forget_old()
    assert references.size == 1
    clock.advance(1)
    references.forget_old()
    assert references.size == 0
