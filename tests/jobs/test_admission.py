"""Admission: who is refused first, who never is, and figures that can be counted by hand."""

import hashlib

import pytest
import sqlalchemy as sa

from appliance.audio.pcm import pcm_of
from appliance.errors import Overloaded
from appliance.jobs.claims import Claims
from appliance.jobs.documents import Request
from appliance.jobs.events import recent_eta_errors_s
from appliance.jobs.rates import COMMISSIONED, FAMILIES, REMEMBERED_AUDIO_S, Observations, load_rates
from appliance.jobs.registry import WorkerRegistry
from appliance.jobs.submit import Submission
from appliance.owner import Owner
from appliance.storage import tables
from appliance.storage.tables import cached_answers, jobs, stage_rates
from appliance.testing.engines import scripted_speech
from appliance.workers import roles
from tests.jobs.site import NOTE_S, PASS_S, Site, refused


@pytest.fixture
def site(bench):
    return Site(bench)


def fill(site, priority: int) -> int:
    """Submit notes of 5 s until one is refused, and return how many were accepted."""
    for number in range(100):
        try:
            site.note(priority)
        except Overloaded:
            return number
    raise AssertionError("never refused")


def test_work_is_counted_in_the_families_that_workers_take():
    assert (*FAMILIES, "enrol") == roles.FAMILIES


class TestWhoIsRefused:
    def test_a_lower_priority_is_refused_while_a_higher_one_is_still_taken(self, site):
        # Each may fill a share of what its own 2.5 s leave of its time: 0.15 of 37.5, 0.3 of 17.5, 0.8 of 10.5.
        assert fill(site, 2) == 3
        assert fill(site, 1) == 3
        assert fill(site, 0) == 4
        refused(site.note, 1)
        refused(site.note, 2)

    def test_the_most_important_alone_fills_its_own_time(self, site):
        # Four notes before it are 10 s, and 0.8 of 10.5 are 8.4.
        assert fill(site, 0) == 4

    def test_nobody_is_accepted_who_would_make_an_accepted_job_late(self, site, clock):
        site.note(1, audio_s=60.0)
        site.note(1, audio_s=60.0)
        # Both are due in 130 s. 66 s later their 60 s are not done, because nobody works, and 64 s are left.
        clock.advance(66)
        site.registries[0].seen()
        assert refused(site.note, 0).retry_after_s == pytest.approx(130 - (66 + 13) + 1)
        # Later, 60 s of work are late anyway, and refusing helps nobody.
        clock.advance(14)
        site.registries[0].seen()
        assert site.note(0).eta_s == pytest.approx(NOTE_S)

    def test_an_idle_machine_takes_what_it_cannot_do_in_time_either(self, bench):
        site = Site(bench, cost=1.0)
        job = site.note(0)
        assert job.eta_s == 25.0
        assert job.deadline_s - job.accepted_s == 13.0

    def test_retry_after_is_when_it_would_fit(self, site):
        fill(site, 0)
        refusal = refused(site.note, 0)
        # 10 s wait and 8.4 may.
        assert refusal.retry_after_s == pytest.approx(1.6)
        assert refusal.extra["eta_s"] == pytest.approx(10 + NOTE_S)

    def test_where_nothing_was_measured_everybody_is_accepted_and_no_eta_is_told(self, bench):
        site = Site(bench, cost=None)
        assert {site.note(2).eta_s for _ in range(30)} == {None}

    def test_a_site_that_was_not_commissioned_tells_etas_and_refuses_nobody(self, site):
        with site.bench.database.write() as connection:
            connection.execute(sa.delete(tables.site).where(tables.site.c.key == COMMISSIONED))
        etas = [site.note(2).eta_s for _ in range(30)]
        assert None not in etas
        site.bench.look(site.submission(0), 10)

    def test_where_a_kind_of_work_has_no_worker_no_eta_is_told(self, bench, clock):
        site = Site(bench)
        clock.advance(60)
        WorkerRegistry(bench.database, "v").announce(bench._capabilities(), ["synthesize"])
        assert site.note(0).eta_s is None

    def test_an_upload_that_cannot_fit_at_any_length_is_refused_before_it_is_decoded(self, site, clock):
        fill(site, 0)
        clock.advance(10)
        # 10 s of work are due within its 3 s. 10 bytes are no speech; 20 kB may be 40 s,
        # with a deadline to match.
        refusal = refused(site.bench.look, site.submission(0), 10)
        assert refusal.retry_after_s == pytest.approx(10 - 0.8 * (3 + 2 * 0.02))
        site.bench.look(site.submission(0), 20_000)

    def test_a_recording_that_says_how_long_it_is_is_refused_before_it_is_decoded_as_it_would_be_after(self, site):
        fill(site, 0)
        check = site.bench.look
        early, late = refused(check, site.submission(0), 160_000, 5.0), refused(site.note, 0)
        assert (early.retry_after_s, early.extra) == (late.retry_after_s, late.extra)
        # By its bytes it may be five minutes, and longer ones have later deadlines.
        check(site.submission(0), 160_000)

    def test_an_early_refusal_knows_what_need_not_be_heard_again(self, bench):
        owner = Owner("app", "p0")
        bench.submit("kept", "fr", owner=owner)
        bench.run()
        site = Site(bench, cost=0.0)
        site.measured({"hear": 0.5, "translate": 0.0, "synthesize": 0.0, "finish": 0.0})
        site.note(0)
        site.note(0, audio_s=2.0)
        # 7 s are due. One of 5 s has 13: 0.8 of 8 where it is heard and verified, of 10.5 where it is verified alone.
        refused(bench.look, site.submission(0), 160_000, 5.0)
        kept = hashlib.sha256(pcm_of(scripted_speech("kept"))).hexdigest()
        known = Submission(owner=owner, request=Request(targets=("es",), consent=True), audio_sha256=kept)
        bench.look(known, 160_000, 5.0)

    def test_an_early_refusal_knows_what_a_kept_language_tells_of_the_recording(self, bench):
        owner = Owner("app", "p0")
        bench.submit("kept", "fr", owner=owner)
        bench.run()
        with bench.database.write() as connection:
            connection.execute(sa.delete(cached_answers).where(cached_answers.c.kind == "transcription"))
        site = Site(bench, cost=0.0)
        site.measured({"hear": 0.5, "translate": 0.0, "synthesize": 0.0, "finish": 0.0})
        site.note(0)
        site.note(0, audio_s=2.0)
        # As above: it fits where it need not be heard, which the French answer tells.
        kept = hashlib.sha256(pcm_of(scripted_speech("kept"))).hexdigest()
        bench.look(
            Submission(owner=owner, request=Request(targets=("fr", "es"), consent=True), audio_sha256=kept),
            160_000,
            5.0,
        )

    def test_an_early_look_counts_nothing(self, site):
        for _ in range(20):
            site.bench.look(site.submission(0), 160_000, 5.0)
        assert fill(site, 0) == 4


class TestWhoPasses:
    def test_a_full_answer_from_what_is_kept_passes(self, bench):
        site = Site(bench, cost=None)
        owner = site.submission(0).owner
        bench.submit("kept", "fr", owner=owner)
        bench.run()
        site.measured(dict.fromkeys(FAMILIES, 0.1))
        fill(site, 0)
        assert bench.submit("kept", "fr", owner=owner).targets[0].cached

    def test_an_answer_that_has_expired_is_computed_again(self, bench, clock):
        owner = Owner("app", "p0")
        bench.submit("kept", "fr", owner=owner)
        bench.run()
        kept = hashlib.sha256(pcm_of(scripted_speech("kept"))).hexdigest()
        submission = Submission(owner=owner, request=Request(targets=("fr",), consent=True), audio_sha256=kept)
        assert bench.look(submission).complete
        clock.advance(bench.settings.result_ttl_s + 1)
        again = bench.submit("kept", "fr", owner=owner)
        assert not again.targets[0].cached

    def test_a_repeated_idempotency_key_passes(self, site):
        first = site.note(0, text="mine", key="k")
        fill(site, 0)
        assert site.note(0, text="mine", key="k").id == first.id

    def test_a_request_that_follows_a_running_identical_one_passes_both_gates(self, site):
        site.note(0, text="same")
        fill(site, 0)
        site.bench.look(site.submission(0, text="same"), 10)
        follower = site.note(0, text="same")
        assert follower.targets[0].follows_id
        assert follower.eta_s is None

    def test_a_hard_full_appliance_lets_only_a_known_idempotency_key_through(self, bench):
        bench.settings = bench.settings.model_copy(update={"most_waiting_jobs": 2})
        site = Site(bench)
        site.note(0, key="first")

        def room(key: str | None = None) -> None:
            with bench.rows() as rows:
                bench.submitter.admission.require_room(rows, "app", key, bench.clock.now_s())

        room()
        site.note(0)
        refusal = refused(room)
        # Two notes are 5 s of work, and one of the two has to go.
        assert refusal.retry_after_s == pytest.approx(2.5)
        room("first")


class TestEta:
    def test_the_eta_is_what_is_due_before_and_the_jobs_own_way(self, site):
        assert site.note(2).eta_s == pytest.approx(NOTE_S)
        assert site.note(2).eta_s == pytest.approx(2 * NOTE_S)
        # More urgent than both: nothing is before it.
        assert site.note(0).eta_s == pytest.approx(NOTE_S)
        # Twenty seconds of recording, one language more: heard once, the rest twice.
        assert site.note(2, "fr", "es", audio_s=20.0).eta_s == pytest.approx(3 * NOTE_S + 2.0 + 2 * 8.0)

    def test_several_workers_share_what_is_before(self, bench):
        site = Site(bench, workers=2)
        for _ in range(4):
            site.note(2)
        assert site.note(2).eta_s == pytest.approx(4 * NOTE_S / 2 + NOTE_S)

    def test_a_process_counts_with_all_its_slots(self, bench):
        site = Site(bench, workers=0)
        WorkerRegistry(bench.database, "w").announce(bench._capabilities(), FAMILIES, slots=3)
        assert site.look().fleet.slots == dict.fromkeys(FAMILIES, 3)
        for _ in range(3):
            site.note(0)
        assert site.look().queue_s(bench.clock.now_s() + 100, bench.clock.now_s()) == pytest.approx(NOTE_S)

    def test_workers_of_one_kind_are_the_bottleneck(self, bench):
        site = Site(bench, workers=0)
        for name, families in {
            "a": roles.ROLES["whisper"],
            "b": roles.ROLES["whisper"],
            "c": roles.ROLES["voice"],
        }.items():
            WorkerRegistry(bench.database, name).announce(bench._capabilities(), families)
        site.measured({"hear": 0.1, "translate": 0.1, "synthesize": 0.4, "finish": 0.1})
        for _ in range(2):
            site.note(2)
        # Two notes: 4 s for the one voice, 4 s for two listeners, 8 s for all three; then 4 s of its own.
        assert site.note(2).eta_s == pytest.approx(4.0 + 4.0)

    def test_what_is_in_a_workers_hands_is_before_even_the_most_urgent(self, bench, site):
        site.note(2)
        Claims(bench.database, "w0", 60.0).claim(roles.BATCH_LIMITS)
        assert site.note(0).eta_s == pytest.approx(PASS_S + NOTE_S)

    def test_overdue_work_takes_a_third_of_the_time_of_the_other_at_most(self, bench, site, clock):
        for _ in range(4):
            site.note(0)
        clock.advance(14)
        site.registries[0].seen()
        assert site.note(0).eta_s == pytest.approx(NOTE_S)
        # Now 2.5 s are in time, and of 10 s that are late a third of that comes between.
        assert site.note(0).eta_s == pytest.approx(NOTE_S * 4 / 3 + NOTE_S)

    def test_a_process_counts_what_it_accepted_since_it_last_looked(self, bench, site):
        submitter = bench.submitter
        assert [round(site.note(2, submitter=submitter).eta_s, 6) for _ in range(3)] == [2.5, 5.0, 7.5]

    def test_a_finished_stage_counts_no_more(self, bench):
        site = Site(bench, cost=None)
        bench.submit("hello", "fr", owner=site.submission(2).owner)
        site.measured(dict.fromkeys(FAMILIES, 0.1))
        assert site.look().all_s() == pytest.approx(5 * 0.05)
        bench.worker()._run(Claims(bench.database, "w1", 60.0).claim(roles.BATCH_LIMITS))
        assert site.look().all_s() == pytest.approx(4 * 0.05)
        bench.run()
        assert site.look().all_s() == 0.0


class TestStanding:
    def test_the_position_is_one_and_the_open_jobs_with_an_earlier_deadline(self, bench, site):
        first, second, urgent = site.note(2), site.note(1), site.note(0)
        standing = bench.submitter.admission.standing
        assert [standing(job).queue_position for job in (urgent, second, first)] == [1, 2, 3]
        assert [standing(job).eta_s for job in (urgent, second, first)] == [2.5, 5.0, 7.5]

    def test_an_overdue_job_waits_for_its_share(self, bench, site, clock):
        job = site.note(0)
        clock.advance(14)
        site.registries[0].seen()
        assert bench.submitter.admission.standing(job).eta_s == pytest.approx(2.5)

    def test_without_measurements_there_is_a_position_and_no_eta(self, bench):
        site = Site(bench, cost=None)
        standing = bench.submitter.admission.standing(site.note(0))
        assert (standing.queue_position, standing.eta_s) == (1, None)


class TestErrorOfTheEta:
    def test_it_is_kept_with_the_last_language_of_a_job_that_was_computed(self, bench, clock):
        Site(bench)
        job = bench.submit("good morning", "fr", "es", owner=Site(bench).submission(0).owner)
        clock.advance(4)
        bench.run()
        with bench.rows() as rows:
            (error_s,) = recent_eta_errors_s(rows, clock.now_s())
            kept_s = rows.scalar(sa.select(jobs.c.eta_s).where(jobs.c.id == job.id))
        assert kept_s == pytest.approx(9 * 0.05)
        assert error_s == pytest.approx(4 - kept_s)

    def test_an_answer_from_what_is_kept_has_none(self, bench, clock):
        owner = Site(bench).submission(0).owner
        bench.submit("good morning", "fr", owner=owner)
        bench.run()
        bench.submit("good morning", "fr", owner=owner)
        with bench.rows() as rows:
            assert len(recent_eta_errors_s(rows, clock.now_s())) == 1


class TestRates:
    def test_a_batch_teaches_what_its_items_cost_and_how_long_they_were_in_hand(self, bench, clock):
        site = Site(bench, cost=None)
        notes = [site.note(0, audio_s=seconds).id for seconds in (4.0, 4.0, 12.0)]
        seen = Observations()
        seen.add("hear", notes, 2.0)
        seen.tell(bench.database)
        with bench.rows() as rows:
            rates = load_rates(rows)
        assert rates.origin == "observed"
        assert rates.cost("hear", "short") == pytest.approx(0.1)
        assert rates.cost("hear", "medium") == pytest.approx(0.1)
        assert rates.stay("hear", "short") == pytest.approx(0.5)
        assert rates.stay("hear", "medium") == pytest.approx(2 / 12)
        # Nothing long was seen: the mean of the family.
        assert rates.cost("hear", "long") == pytest.approx(0.1)
        assert not rates.known

    def test_a_worker_teaches_with_every_batch_and_forgets_slowly(self, bench):
        Site(bench, cost=0.1)
        bench.submit("good morning", "fr", owner=Site(bench).submission(0).owner)
        worker = bench.worker()
        worker.run_until_idle()
        worker.observations.tell(bench.database)
        with bench.rows() as rows:
            row = rows.execute(
                sa.select(stage_rates).where(stage_rates.c.family == "hear", stage_rates.c.length == "short")
            )
            hear = row.one()
        # Heard and verified half a second each, in no time, as the clock stands still.
        assert (hear.busy_s, hear.audio_s) == (pytest.approx(10.0), pytest.approx(101.0))

    def test_the_running_mean_looks_back_a_bounded_time(self, bench):
        site = Site(bench, cost=None)
        note = site.note(0, audio_s=600.0).id
        for elapsed_s in (60.0, 60.0, 600.0):
            seen = Observations()
            seen.add("hear", [note], elapsed_s)
            seen.tell(bench.database)
        with bench.rows() as rows:
            row = rows.execute(sa.select(stage_rates)).one()
        assert row.audio_s == pytest.approx(REMEMBERED_AUDIO_S)
        # 1000 s at 0.1, then 600 s at 1.0.
        assert row.busy_s / row.audio_s == pytest.approx(700 / 1600)
