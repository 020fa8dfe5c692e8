"""Places of uploads that are being decoded: what comes meanwhile finds them taken."""

import msgspec
import pytest

from appliance.errors import Overloaded
from appliance.jobs.documents import AudioFacts
from appliance.jobs.places import KEPT_S
from tests.jobs.site import Site

FITTING = 4
"""Notes of 5 s of priority 0 (test_admission.py)."""


class Door:
    """One process that looks at uploads, decodes and admits them."""

    def __init__(self, bench) -> None:
        self.bench, self.site, self.submitter = bench, Site(bench), bench.submitter

    def look(self, upload: str | None, priority: int = 0, said_s: float = 5.0):
        submission = msgspec.structs.replace(self.site.submission(priority), upload=upload)
        with self.bench.rows() as rows:
            self.submitter.look(rows, submission, 160_000, said_s)
        return submission

    def admit(self, submission, audio_s: float = 5.0):
        facts = AudioFacts(pcm=submission.audio_sha256, duration_s=audio_s, container="wav", codec="pcm_s16le")
        return self.submitter.accept(submission, facts)

    def let_in(self) -> list:
        found = []
        with pytest.raises(Overloaded):
            for number in range(100):
                found.append(self.look(f"upload {number}"))
        return found


@pytest.fixture
def door(bench):
    return Door(bench)


def test_as_many_are_let_in_before_they_are_decoded_as_would_be_accepted(door):
    waiting = door.let_in()
    assert len(waiting) == FITTING
    etas_s = [door.admit(each).deadline_s for each in waiting]
    assert len(etas_s) == FITTING
    with pytest.raises(Overloaded):
        door.look("one more")


def test_a_place_outlasts_the_outlook_it_was_found_in(door, clock):
    waiting = door.let_in()
    clock.advance(0.6)
    with pytest.raises(Overloaded):
        door.look("one more")
    for each in waiting:
        door.admit(each)
    clock.advance(0.6)
    assert sum(each.jobs for each in door.site.look().backlog.waiting.values()) == FITTING


def test_who_has_a_place_is_not_refused_for_what_another_process_accepted_meanwhile(door, clock):
    with_place, without = door.look("mine"), door.look(None)
    for _ in range(FITTING):
        door.site.note(0)
    clock.advance(0.6)
    door.admit(with_place)
    with pytest.raises(Overloaded):
        door.admit(without)


def test_a_recording_that_is_longer_than_it_said_is_judged_anew(door, clock):
    liar, honest = door.look("liar", said_s=1.0), door.look("honest", said_s=5.0)
    for _ in range(FITTING):
        door.site.note(0)
    clock.advance(0.6)
    with pytest.raises(Overloaded):
        door.admit(liar, audio_s=5.0)
    door.admit(honest, audio_s=5.05)


def test_the_place_of_what_could_not_be_decoded_is_free_again(door):
    door.let_in()
    door.submitter.admission.leave("upload 0")
    door.look("next")
    door.submitter.admission.leave("never seen")


def test_a_place_that_nobody_leaves_is_free_after_half_a_minute(door, clock):
    door.let_in()
    clock.advance(KEPT_S + 1)
    door.site.registries[0].seen()
    assert len(door.let_in()) == FITTING


def test_a_second_look_of_an_upload_keeps_one_place(door):
    for _ in range(10 * FITTING):
        door.look("again and again")
