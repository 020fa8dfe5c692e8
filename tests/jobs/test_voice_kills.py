"""Whatever is interrupted between any two of its steps is neither lost nor done twice.

A step is a statement, a commit, or a change of the object store. What an interruption leaves is what a death leaves: an
open transaction is rolled back, everything before stays.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from appliance.errors import NotFound
from appliance.housekeeping.house import House
from appliance.housekeeping.voice_profiles import finish_erasures
from appliance.owner import Owner
from appliance.storage.voice_tables import voice_conditionings, voice_profiles, voice_samples, voice_versions
from tests.jobs.studio import Studio


class Killed(BaseException):
    """The process is gone; nothing handles it."""


class Steps:
    """Counts the steps of this thread, and ends at one."""

    def __init__(self, studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
        self._at = self.passed = 0
        self._thread: int | None = None
        sa.event.listen(studio.database.engine, "before_cursor_execute", self._step)
        sa.event.listen(studio.database.engine, "commit", self._step)
        for name in ("put", "delete"):
            monkeypatch.setattr(studio.objects, name, self._around(getattr(studio.objects, name)))

    def _around(self, real: Callable) -> Callable:
        def stepping(*args):
            self._step()
            real(*args)
            self._step()

        return stepping

    def _step(self, *_: object) -> None:
        if self._thread != threading.get_ident():
            return
        self.passed += 1
        if self.passed == self._at:
            self._thread = None
            raise Killed

    @contextmanager
    def until(self, at: int) -> Iterator[None]:
        """Run the block up to a step; 0 to its end."""
        self._at, self.passed, self._thread = at, 0, threading.get_ident()
        try:
            yield
        except Killed:
            pass
        finally:
            self._thread = None


@pytest.fixture
def steps(studio, monkeypatch) -> Steps:
    return Steps(studio, monkeypatch)


def every_step(steps: Steps, act: Callable[[Owner], object], ready: Callable[[Owner], object]) -> Iterator[Owner]:
    """Interrupt an act at each of its steps, each for another owner that was made ready for it."""
    whole = Owner("app", "whole")
    ready(whole)
    with steps.until(0):
        act(whole)
    assert steps.passed > 3
    for at in range(1, steps.passed + 1):
        owner = Owner("app", f"user{at}")
        ready(owner)
        with steps.until(at):
            act(owner)
        yield owner


def recovered(studio: Studio) -> None:
    studio.clock.advance(studio.bench.settings.lease_s + 1)
    studio.bench.reconcile()
    studio.work()


def of(studio: Studio, owner: Owner) -> dict[str, list[str]]:
    profile = studio.profile(owner)
    return {
        "samples": [sample.state for sample in profile.samples],
        "versions": [version.state for version in profile.versions],
    }


def test_a_ceremony_that_is_asked_for_again_is_one(studio, steps):
    for owner in every_step(steps, lambda owner: studio.ask(owner, key="k"), lambda owner: None):
        first = studio.ask(owner, key="k")
        assert first.challenge.statement
        assert studio.ask(owner, key="k") == first


def test_a_sample_that_is_sent_again_is_one(studio, steps):
    def send(owner: Owner) -> None:
        studio.send(owner, owner.user_id, "hello", key="k")

    for owner in every_step(steps, send, lambda owner: studio.enrolled(owner, owner.user_id)):
        send(owner)
        studio.work()
        assert of(studio, owner) == {"samples": ["accepted"] * 2, "versions": ["superseded", "in_force"]}


def test_a_sample_that_is_judged_again_is_one(studio, steps):
    def ready(owner: Owner) -> None:
        studio.enrolled(owner, owner.user_id)
        studio.send(owner, owner.user_id, "hello")

    for owner in every_step(steps, lambda owner: studio.work(), ready):
        recovered(studio)
        assert of(studio, owner) == {"samples": ["accepted"] * 2, "versions": ["superseded", "in_force"]}
        for sample in studio.profile(owner).samples:
            assert sample.state == "accepted"


def test_an_erasure_that_is_cut_off_is_finished(studio, steps):
    def ready(owner: Owner) -> None:
        studio.enrolled(owner, owner.user_id)
        studio.translated(owner.user_id, "good morning", owner=owner)

    house = House(studio.database, studio.objects, studio.bench.settings)
    for owner in every_step(steps, studio.erase, ready):
        studio.erase(owner)
        finish_erasures(house)
        with pytest.raises(NotFound):
            studio.profile(owner)
        left = [name for name in studio.bench.stored() if name.startswith(("voice/", "result/", "speech/"))]
        assert left == []
        for table in (voice_profiles, voice_samples, voice_versions, voice_conditionings):
            assert studio.count(table) == 0
