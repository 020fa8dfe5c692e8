"""Plans in force, on both databases: every limit lets through what it allows and refuses the next."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from appliance.access.keys import create_key
from appliance.access.plan import plan_of
from appliance.access.plans import change_plan, set_plan
from appliance.access.quotas import Quotas
from appliance.access.rates import count_translation, count_upload
from appliance.errors import Forbidden, LanguageNotInPlan, ModelMissing, QuotaExceeded, RateLimited, VoiceNotInPlan
from appliance.jobs.cancel import cancel_job, delete_job
from appliance.jobs.deadlines import SLA_SCALE
from appliance.jobs.documents import AudioFacts, Request
from appliance.jobs.states import JobState
from appliance.jobs.submit import Submission
from appliance.owner import Owner
from appliance.storage.migrate import migrate
from appliance.storage.site import set_site_value
from appliance.storage.tables import jobs, plans
from tests.jobs.letting_go import let_go

DAY_S = 86_400.0


class Tenant:
    """An application with a plan of its own making."""

    def __init__(self, bench, plan: str = "free", **limits: str) -> None:
        self.bench = bench
        bench.allowance = self.quotas = Quotas(bench.settings)
        self.id = create_key(bench.database, "messenger", "app", plan).application_id
        self.owner = Owner(self.id, "alice")
        self.plan = plan
        self.allow(**limits)

    def allow(self, **limits: str) -> None:
        change_plan(self.bench.database, self.plan, limits)

    def count(self, user=None):
        database = self.bench.database
        with database.write() as rows:
            plan, now_s = plan_of(rows, self.id), database.now_s(rows)
            refusal = (
                count_translation(rows, plan, self.id, now_s)
                if user is None
                else count_upload(rows, plan, Owner(self.id, user), requests_per_minute=0, now_s=now_s)
            )
        if refusal is not None:
            raise refusal

    def gate(self, key=None):
        with self.bench.rows() as rows:
            return self.quotas.gate(rows, self.id, key, self.bench.database.now_s(rows))

    def submit(self, text, *targets, user="alice", audio_s=1.0, key=None, **asked):
        submission = Submission(
            owner=Owner(self.id, user),
            request=Request(targets=targets or ("fr",), **{"consent": True, **asked}),
            audio_sha256=hashlib.sha256(text.encode()).hexdigest(),
            idempotency_key=key,
        )
        audio = AudioFacts(pcm=f"pcm/{user}/{text}", duration_s=audio_s, container="wav", codec="pcm_s16le")
        return self.bench.known(submission) or self.bench.submitter.accept(submission, audio)

    def speak(self, text, *targets, **asked):
        """Submit with a real recording, and do the work."""
        job = self.bench.submit(text, *(targets or ("fr",)), owner=self.owner, **asked)
        self.bench.run()
        return self.bench.get(job)


@pytest.fixture
def tenant(bench):
    return Tenant(bench, concurrent_jobs="none", audio_s_per_day="none", stored_bytes="none")


def refused(quota, submit, *arguments, **named):
    with pytest.raises(QuotaExceeded) as refusal:
        submit(*arguments, **named)
    assert refusal.value.extra["quota"] == quota
    assert refusal.value.retry_after_s >= 1
    return refusal.value


class TestTranslationsPerMonth:
    def test_a_translation_is_one_language_and_the_last_one_is_given(self, tenant):
        tenant.allow(translations_per_month="3")
        tenant.submit("one", "fr", "es")
        refusal = refused("translations_per_month", tenant.submit, "two", "fr", "es")
        assert (refusal.extra["limit"], refusal.extra["used"]) == (3, 2)
        assert tenant.submit("two", "fr").state is JobState.RUNNING

    def test_of_eight_threads_that_want_the_last_one_gets_it(self, tenant):
        tenant.allow(translations_per_month="5")
        for number in range(4):
            tenant.submit(f"before {number}")

        def attempt(number):
            try:
                return tenant.submit(f"race {number}", user=f"user {number}")
            except QuotaExceeded:
                return None

        with ThreadPoolExecutor(8) as threads:
            accepted = [job for job in threads.map(attempt, range(8)) if job]
        assert len(accepted) == 1
        with tenant.bench.rows() as rows:
            assert rows.scalar(sa.select(sa.func.count()).select_from(jobs)) == 5

    def test_it_renews_with_the_calendar_month_in_utc(self, tenant, clock):
        tenant.allow(translations_per_month="1")
        clock.advance(datetime(2027, 1, 31, 23, 59, 50, tzinfo=UTC).timestamp() - clock.now_s())
        tenant.submit("in January")
        refusal = refused("translations_per_month", tenant.submit, "also in January")
        assert refusal.retry_after_s == pytest.approx(10)
        clock.advance(10)
        tenant.submit("in February")
        refused("translations_per_month", tenant.submit, "also in February")

    def test_an_answer_from_the_cache_is_no_translation(self, tenant):
        tenant.allow(translations_per_month="1")
        tenant.speak("good morning")
        assert tenant.speak("good morning").targets[0].cached
        refused("translations_per_month", tenant.submit, "something else")

    def test_an_identical_request_in_flight_is_no_second_translation(self, tenant):
        tenant.allow(translations_per_month="1")
        with ThreadPoolExecutor(8) as threads:
            accepted = list(threads.map(lambda _: tenant.submit("the same"), range(8)))
        assert len({job.id for job in accepted}) == 8

    def test_who_takes_the_place_of_a_cancelled_one_counts_like_it(self, tenant):
        tenant.allow(translations_per_month="3")
        first, _ = tenant.submit("the same"), tenant.submit("the same")
        cancel_job(tenant.bench.database, first.owner, first.id)
        tenant.submit("the third")
        refused("translations_per_month", tenant.submit, "the fourth")

    def test_a_repeated_idempotency_key_never_counts_twice_and_is_never_refused(self, tenant):
        tenant.allow(translations_per_month="1")
        first = tenant.submit("good morning", key="k1")
        tenant.gate("k1")
        assert tenant.submit("good morning", key="k1").id == first.id
        refused("translations_per_month", tenant.gate, "k2")

    def test_a_language_that_failed_is_given_back_and_a_cancelled_one_is_not(self, tenant):
        tenant.allow(translations_per_month="1")
        assert tenant.speak("POISON").state is JobState.FAILED
        job = tenant.submit("good morning")
        cancel_job(tenant.bench.database, job.owner, job.id)
        refused("translations_per_month", tenant.submit, "good evening")

    def test_a_deleted_job_stays_counted(self, tenant):
        tenant.allow(translations_per_month="1")
        job = tenant.speak("good morning")
        delete_job(tenant.bench.database, tenant.bench.objects, job.owner, job.id)
        refused("translations_per_month", tenant.submit, "good evening")

    def test_with_nothing_left_the_gate_refuses_on_the_headers(self, tenant):
        tenant.allow(translations_per_month="1")
        tenant.gate()
        tenant.submit("good morning")
        refused("translations_per_month", tenant.gate)

    def test_each_user_may_have_a_limit_of_their_own(self, tenant):
        tenant.allow(user_translations_per_month="1")
        tenant.submit("good morning", user="alice")
        refused("user_translations_per_month", tenant.submit, "good evening", user="alice")
        tenant.submit("good evening", user="bob")

    def test_another_application_of_the_same_plan_has_its_own_count(self, tenant):
        tenant.allow(translations_per_month="1")
        tenant.submit("good morning")
        tenant.id = create_key(tenant.bench.database, "other", "app", "free").application_id
        tenant.submit("good morning")

    def test_without_a_limit_nothing_is_refused(self, tenant):
        tenant.allow(translations_per_month="unlimited")
        for number in range(60):
            tenant.submit(f"number {number}")


class TestAudioPerDay:
    def test_it_is_counted_once_per_recording_and_renews_at_midnight_utc(self, tenant, clock):
        tenant.allow(audio_s_per_day="10")
        tenant.submit("one", "fr", "es", audio_s=6)
        refusal = refused("audio_s_per_day", tenant.submit, "two", audio_s=5)
        assert refusal.retry_after_s == pytest.approx(DAY_S - clock.now_s() % DAY_S)
        tenant.submit("two", audio_s=4)
        refused("audio_s_per_day", tenant.gate)
        clock.advance(refusal.retry_after_s)
        tenant.submit("three", audio_s=10)

    def test_a_recording_that_is_answered_from_the_cache_does_not_count(self, tenant):
        tenant.allow(audio_s_per_day="0.9")
        tenant.speak("good morning")  # scripted recordings last half a second
        tenant.speak("good morning")
        refused("audio_s_per_day", tenant.submit, "good evening", audio_s=0.5)


class TestConcurrentJobs:
    def test_over_the_limit_a_job_waits_for_the_end_of_another(self, tenant):
        tenant.allow(concurrent_jobs="2")
        first, second = tenant.submit("one"), tenant.submit("two")
        refusal = refused("concurrent_jobs", tenant.submit, "three")
        assert refusal.retry_after_s == pytest.approx(first.deadline_s - first.accepted_s)
        cancel_job(tenant.bench.database, second.owner, second.id)
        tenant.submit("three")

    def test_eight_at_once_are_not_more_than_the_limit(self, tenant):
        tenant.allow(concurrent_jobs="3")

        def attempt(number):
            try:
                return tenant.submit(f"race {number}")
            except QuotaExceeded:
                return None

        with ThreadPoolExecutor(8) as threads:
            assert sum(job is not None for job in threads.map(attempt, range(8))) == 3

    def test_an_answer_from_the_cache_passes_however_many_jobs_are_open(self, tenant):
        tenant.allow(concurrent_jobs="1")
        tenant.speak("good morning")
        tenant.submit("good evening")
        assert tenant.bench.submit("good morning", "fr", owner=tenant.owner).state is JobState.DONE


class TestStoredBytes:
    def test_recordings_and_results_count_until_they_are_let_go(self, tenant, clock):
        tenant.speak("good morning")
        with tenant.bench.rows() as rows:
            held = rows.scalar(sa.select(jobs.c.stored_bytes))
        assert held == sum(entry.size_bytes for entry in tenant.bench.objects.entries(""))
        tenant.allow(stored_bytes=str(held))
        refusal = refused("stored_bytes", tenant.submit, "good evening")
        assert refusal.retry_after_s == pytest.approx(tenant.bench.settings.source_ttl_s)
        clock.advance(refusal.retry_after_s + 1)
        let_go(tenant.bench.database, tenant.bench.objects, tenant.bench.settings)
        with tenant.bench.rows() as rows:
            left = rows.scalar(sa.select(jobs.c.stored_bytes))
        assert left == sum(entry.size_bytes for entry in tenant.bench.objects.entries(""))
        tenant.submit("good evening", audio_s=(held - left) / 32_000)
        refused("stored_bytes", tenant.submit, "good night")

    def test_deleting_a_job_makes_room(self, tenant):
        job = tenant.speak("good morning")
        tenant.allow(stored_bytes="32000")
        refused("stored_bytes", tenant.submit, "good evening", audio_s=1)
        delete_job(tenant.bench.database, tenant.bench.objects, job.owner, job.id)
        tenant.submit("good evening", audio_s=1)


class TestRights:
    def test_a_language_outside_the_plan_is_refused_with_those_inside(self, tenant):
        tenant.allow(languages="fr")
        tenant.submit("good morning", "fr")
        with pytest.raises(LanguageNotInPlan) as refusal:
            tenant.submit("good morning", "fr", "es")
        assert refusal.value.extra["languages"] == ["fr"]

    def test_it_is_refused_before_anything_is_decoded_and_also_when_it_is_kept(self, tenant):
        tenant.speak("good morning", "es")
        tenant.allow(languages="fr")
        with pytest.raises(LanguageNotInPlan):
            tenant.bench.look(Submission(owner=tenant.owner, request=Request(targets=("es",)), audio_sha256="0" * 64))
        with pytest.raises(LanguageNotInPlan):
            tenant.speak("good morning", "es")

    def test_a_cloned_voice_needs_the_right_to_it_and_a_matched_one_does_not(self, tenant):
        assert tenant.speak("good morning").state is JobState.DONE
        tenant.bench.engines_change = {"voice_kind": "cloned"}
        with pytest.raises(VoiceNotInPlan):
            tenant.submit("good evening")
        tenant.submit("good evening", voice="stock")
        tenant.submit("without consent nothing is cloned", consent=False)
        tenant.allow(cloned_voice="true")
        tenant.submit("good evening")

    def test_a_plan_with_other_models_than_the_sites_is_refused(self, tenant):
        tenant.allow(model_preset="starter")
        tenant.submit("good morning")
        tenant.allow(model_preset="production")
        with pytest.raises(ModelMissing):
            tenant.submit("good evening")

    def test_an_application_whose_plan_is_gone_is_refused(self, tenant):
        with tenant.bench.database.write() as connection:
            connection.execute(sa.delete(plans).where(plans.c.name == "free"))
        with pytest.raises(Forbidden):
            tenant.submit("good morning")


class TestRequestsPerMinute:
    def test_the_application_and_each_user_have_a_count(self, tenant, clock):
        tenant.allow(requests_per_minute="3", user_requests_per_minute="2")
        for _ in range(3):
            tenant.count()
        with pytest.raises(RateLimited) as refusal:
            tenant.count()
        assert refusal.value.retry_after_s == pytest.approx(60 - clock.now_s() % 60)
        for _ in range(2):
            tenant.count("alice")
        with pytest.raises(RateLimited):
            tenant.count("alice")
        tenant.count("bob")
        clock.advance(refusal.value.retry_after_s)
        tenant.count("alice")

    def test_it_is_exact_when_eight_ask_at_once(self, tenant):
        tenant.allow(requests_per_minute="5")

        def attempt(_):
            try:
                tenant.count()
            except RateLimited:
                return False
            return True

        with ThreadPoolExecutor(8) as threads:
            assert sum(threads.map(attempt, range(16))) == 5

    def test_without_a_limit_nothing_is_counted(self, tenant):
        tenant.allow(requests_per_minute="none", user_requests_per_minute="none")
        for _ in range(100):
            tenant.count()


class TestTerms:
    def test_a_job_carries_its_plan_with_priority_and_deadline(self, bench, clock):
        job = Tenant(bench, "pro").submit("good morning", audio_s=4)
        assert (job.plan, job.priority, job.sla_s) == ("pro", 1, 10.0)
        assert job.deadline_s == clock.now_s() + 10 + 2 * 4

    def test_the_setting_scales_deadlines_until_the_site_has_its_own_measure(self, bench, clock):
        bench.settings = bench.settings.model_copy(update={"sla_scale": 3.0})
        tenant = Tenant(bench, "pro")
        assert tenant.submit("one", audio_s=4).deadline_s == clock.now_s() + 3 * (10 + 2 * 4)
        with bench.database.write() as connection:
            set_site_value(connection, SLA_SCALE, 1.5, clock.now_s())
            set_site_value(connection, SLA_SCALE, 2.5, clock.now_s())
        assert tenant.submit("two", audio_s=4).deadline_s == clock.now_s() + 2.5 * (10 + 2 * 4)

    def test_a_plan_without_an_sla_has_the_sites(self, bench, clock):
        job = Tenant(bench, "pro", sla_s="none").submit("good morning", audio_s=4)
        assert job.deadline_s == clock.now_s() + bench.settings.sla_s + 2 * 4

    def test_a_change_of_plan_counts_from_the_next_job_on(self, tenant):
        tenant.allow(translations_per_month="1")
        tenant.submit("one")
        refused("translations_per_month", tenant.submit, "two")
        set_plan(tenant.bench.database, "messenger", "business")
        assert tenant.submit("two").plan == "business"


def test_shipped_plans_are_there_and_edited_ones_stay_edited(bench):
    change_plan(bench.database, "free", {"translations_per_month": "7"})
    with bench.database.write() as connection:
        connection.execute(sa.delete(plans).where(plans.c.name == "pro"))
    migrate(bench.database)
    with bench.rows() as rows:
        found = {row.name: row.translations_per_month for row in rows.execute(sa.select(plans))}
    assert found == {"free": 7, "pro": 500, "business": 5000, "enterprise": None}


def test_an_application_is_enterprise_unless_something_else_is_said(bench):
    made = create_key(bench.database, "messenger", "app")
    with bench.rows() as rows:
        assert plan_of(rows, made.application_id).name == "enterprise"
