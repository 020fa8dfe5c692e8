"""What jobs took is written once per language, by the transactions that accept and end it."""

import pytest

from appliance.access.keys import create_key
from appliance.access.usage import usage_by_user, usage_of, usage_of_month
from appliance.jobs.cancel import cancel_job
from appliance.jobs.claims import Claims
from appliance.jobs.endings import Ending, end_targets
from appliance.jobs.states import TargetState
from appliance.owner import Owner
from appliance.testing.engines import ScriptedSynthesizer, ScriptedTranslator
from appliance.workers.roles import BATCH_LIMITS

MONTH = "2027-01"


@pytest.fixture
def owner(bench):
    return Owner(create_key(bench.database, "messenger", "app").application_id, "alice")


def used(bench, owner, user_id=None):
    with bench.rows() as rows:
        return usage_of(rows, bench.settings, MONTH, owner.application_id, user_id)


def done(bench, text, *targets, owner, **asked):
    job = bench.submit(text, *targets, owner=owner, **asked)
    bench.run()
    return bench.get(job)


def test_a_finished_job_is_counted_with_all_that_it_took(bench, owner):
    bench.transcriber._on_batch = lambda _: bench.clock.advance(2)
    job = done(bench, "good morning", "fr", "es", owner=owner)
    found = used(bench, owner)
    assert (found.translations, found.cached_answers) == (2, 0)
    assert found.audio_s == pytest.approx(job.audio.duration_s, abs=1e-3)
    assert found.engine_s == pytest.approx(2 * len(bench.transcriber.batches))  # however they were batched
    assert (found.characters, found.deepl_characters) == (2 * len("good morning"), 0)
    assert found.recording_bytes == bench.objects.size_bytes(job.audio.pcm)
    assert found.result_bytes == sum(target.spoken.size_bytes for target in job.targets)


def test_a_batch_is_shared_by_what_each_gave_the_engine(bench, owner):
    others = Owner(create_key(bench.database, "other", "app").application_id, "x")
    bench.submit("good morning", "fr", owner=owner)
    bench.submit("good morning, all of you who came so far today to hear this", "fr", owner=others)
    bench.transcriber._on_batch = lambda _: bench.clock.advance(2)
    bench.run()
    short, long = used(bench, owner), used(bench, others)
    assert short.engine_s + long.engine_s == pytest.approx(2 + 2, abs=1e-3)
    assert short.engine_s / long.engine_s == pytest.approx(short.audio_s / long.audio_s, rel=0.3)


def test_what_speaks_and_translates_is_counted(bench, owner):
    class SlowSpeaker(ScriptedSynthesizer):
        def speak(self, batch):
            bench.clock.advance(3)
            return super().speak(batch)

    class SlowTranslator(ScriptedTranslator):
        def translate(self, batch):
            bench.clock.advance(1)
            return super().translate(batch)

    bench.synthesizer, bench.translator = SlowSpeaker(), SlowTranslator([("en", "fr")])
    done(bench, "good morning", "fr", owner=owner)
    assert used(bench, owner).engine_s == pytest.approx(3 + 1)


def test_bringing_a_translation_back_is_work_for_who_asked(bench, owner):
    others = Owner(create_key(bench.database, "other", "app").application_id, "x")

    class SlowBack(ScriptedTranslator):
        def translate(self, batch):
            bench.clock.advance(len(batch) if batch[0].target == "en" else 0)
            return super().translate(batch)

    bench.translator = SlowBack([("en", "fr"), ("fr", "en")])
    for each in (owner, others):
        bench.submit("good morning", "fr", owner=each)
    bench.run()
    assert used(bench, owner).engine_s == used(bench, others).engine_s == 1


def test_an_answer_from_the_cache_costs_nothing_and_counts_as_such(bench, owner):
    done(bench, "good morning", "fr", owner=owner)
    before = used(bench, owner)
    done(bench, "good morning", "fr", owner=owner)
    after = used(bench, owner)
    assert after.cached_answers == 1
    assert (after.translations, after.engine_s, after.audio_s, after.recording_bytes, after.result_bytes) == (
        before.translations, before.engine_s, before.audio_s, before.recording_bytes, before.result_bytes
    )  # fmt: skip


def test_identical_requests_in_flight_cost_what_one_costs(bench, owner):
    bench.transcriber._on_batch = lambda _: bench.clock.advance(2)
    jobs = [bench.submit("good morning", "fr", owner=owner) for _ in range(3)]
    bench.run()
    found = used(bench, owner)
    assert (found.translations, found.cached_answers, found.engine_s) == (1, 2, 4)
    assert found.result_bytes == bench.get(jobs[0]).targets[0].spoken.size_bytes


def test_who_takes_over_from_a_cancelled_leader_bears_the_cost(bench, owner):
    first, _ = (bench.submit("good morning", "fr", owner=owner) for _ in range(2))
    cancel_job(bench.database, owner, first.id)
    bench.transcriber._on_batch = lambda _: bench.clock.advance(2)
    bench.run()
    found = used(bench, owner)
    assert (found.translations, found.cached_answers, found.engine_s) == (2, 0, 4)


def test_remembered_sentences_are_no_new_characters(bench, owner):
    done(bench, "good morning", "fr", owner=owner)
    done(bench, "good morning", "fr", owner=owner, audio_format="mp3")
    found = used(bench, owner)
    assert found.translations == 2
    assert found.characters == len("good morning")


def test_what_deepl_translates_is_told_apart(bench, owner):
    class Outside(ScriptedTranslator):
        def identity(self, source, target):
            (inside,) = super().identity(source, target)
            return (type(inside)("deepl", "v2", ""),)

    bench.translator = ScriptedTranslator([("en", "fr")])
    bench.engines_change = {"deepl": Outside([("en", "es")])}
    done(bench, "good morning", "fr", "es", owner=owner, allow_deepl=True)
    found = used(bench, owner)
    assert (found.characters, found.deepl_characters) == (2 * len("good morning"), len("good morning"))


def test_a_failed_language_took_time_and_is_no_translation(bench, owner):
    job = bench.submit("good morning", "fr", owner=owner)
    bench.transcriber._on_batch = lambda _: bench.clock.advance(2)
    bench.worker()._run(Claims(bench.database, "w1", 10).claim({"hear": 1}))
    with bench.database.write() as connection:
        end_targets(connection, [Ending(bench.get(job).targets[0].id, TargetState.FAILED)], bench.clock.now_s())
    found = used(bench, owner)
    assert (found.translations, found.engine_s) == (0, 2)


def test_a_target_that_is_ended_twice_is_counted_once(bench, owner):
    job = done(bench, "good morning", "fr", owner=owner)
    before = used(bench, owner)
    with bench.database.write() as connection:
        assert not end_targets(connection, [Ending(job.targets[0].id, TargetState.FAILED)], bench.clock.now_s())
    assert used(bench, owner) == before


def test_a_worker_that_lost_its_lease_adds_nothing(bench, owner):
    job = bench.submit("good morning", "fr", owner=owner)
    stale = Claims(bench.database, "w1", 10).claim(BATCH_LIMITS)
    bench.clock.advance(11)
    bench.reconcile()
    bench.run()
    before = used(bench, owner)
    bench.worker()._run(stale)
    assert used(bench, owner) == before
    assert bench.get(job).state == "done"


def test_usage_is_told_per_application_and_per_user_and_month(bench, owner):
    bob, other = (
        Owner(owner.application_id, "bob"),
        Owner(create_key(bench.database, "other", "app").application_id, "x"),
    )
    done(bench, "good morning", "fr", "es", owner=owner)
    done(bench, "good morning", "fr", owner=bob)
    done(bench, "good morning", "fr", owner=other)
    bench.clock.advance(20 * 86400)  # from the middle of January
    done(bench, "good evening", "fr", owner=bob)
    with bench.rows() as rows:
        january = usage_of_month(rows, bench.settings, "2027-01")
        february = usage_of_month(rows, bench.settings, "2027-02")
        users = usage_by_user(rows, bench.settings, "2027-01", owner.application_id)
    assert {entry.application: entry.used.translations for entry in january} == {"messenger": 3, "other": 1}
    assert {entry.application: entry.used.translations for entry in february} == {"messenger": 1, "other": 0}
    assert {user.user_id: user.used.translations for user in users} == {"alice": 2, "bob": 1}
    assert used(bench, owner, "bob").translations == 1


def test_the_cost_follows_from_the_sites_prices(bench, owner):
    bench.settings = bench.settings.model_copy(
        update={
            "price_per_gpu_s": 0.5, "price_per_million_characters": 1e6, "price_per_gb_month": 1e9,
            "source_ttl_s": 30 * 86400.0, "result_ttl_s": 60 * 86400.0,
        }
    )  # fmt: skip
    bench.transcriber._on_batch = lambda _: bench.clock.advance(2)
    done(bench, "good morning", "fr", owner=owner)
    found = used(bench, owner)
    expected = 0.5 * 4 + len("good morning") + found.recording_bytes + 2 * found.result_bytes
    assert found.cost == pytest.approx(expected)
