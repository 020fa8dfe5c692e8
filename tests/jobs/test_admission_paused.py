"""Admission beside paused lanes: nobody takes work of a family and priority, and others do not pay for that."""

import pytest

from appliance.errors import Overloaded
from appliance.jobs.claims import Claims
from appliance.status.openings import openings
from appliance.workers import roles
from tests.jobs.operators import pause, resume
from tests.jobs.site import NOTE_S, PASS_S, Site, refused


@pytest.fixture
def site(bench):
    return Site(bench)


def test_a_job_that_would_halt_is_taken_and_promised_nothing(bench, site):
    pause(bench, "translate", 2)
    job = site.note(2)
    assert job.eta_s is None
    assert bench.submitter.admission.standing(job).eta_s is None
    # Three fill the share of the priority where nothing is paused.
    assert {site.note(2).eta_s for _ in range(5)} == {None}
    resume(bench, "translate", 2)
    with pytest.raises(Overloaded):
        site.note(2)


def test_it_stands_before_nobody_however_late_it_is(bench, site):
    late = [site.note(2) for _ in range(3)]
    pause(bench, "hear", 2)
    assert site.look().all_s() == 0.0
    bench.clock.advance(60.0)
    site.registries[0].seen()
    assert site.note(0).eta_s == pytest.approx(NOTE_S)
    assert bench.submitter.admission.standing(late[0]).eta_s is None


@pytest.mark.parametrize(
    ("family", "passes"), [("hear", 0), ("translate", 1), ("synthesize", 2), ("finish", 4), ("enrol", 5)]
)
def test_what_is_done_before_the_pause_is_work_all_the_same(bench, site, family, passes):
    site.note(2)
    pause(bench, family, 2)
    assert site.look().all_s() == pytest.approx(passes * PASS_S)


def test_what_is_in_a_workers_hands_goes_on(bench, site):
    site.note(2)
    Claims(bench.database, "w0", 60.0).claim(roles.BATCH_LIMITS)
    pause(bench, "hear", 2)
    assert site.note(0).eta_s == pytest.approx(PASS_S + NOTE_S)


def test_it_takes_nobody_elses_room_and_has_a_room_of_its_own(bench):
    bench.settings = bench.settings.model_copy(update={"most_waiting_jobs": 2})
    site = Site(bench)
    pause(bench, "finish", 2)
    site.note(2)
    site.note(2)

    def room(priority: int) -> None:
        with bench.rows() as rows:
            bench.submitter.admission.require_room(rows, "app", None, bench.clock.now_s(), priority)

    room(0)
    assert refused(room, 2).extra["eta_s"] is None
    site.note(0)
    site.note(1)
    refused(room, 0)
    with bench.rows() as rows:
        outlook = bench.submitter.admission.look(rows, bench.clock.now_s())
        found = openings(rows, bench.settings, outlook, bench.clock.now_s())
    assert [(each.priority, each.accepts) for each in found] == [(0, False), (1, False), (2, False)]
    resume(bench, "finish", 2)
    refused(room, 2)
