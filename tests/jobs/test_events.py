"""Events: written with the end of a language, read by statistics, gone when their owner wants it."""

import json

import pytest
import sqlalchemy as sa

from appliance.jobs.cancel import cancel_job, delete_job
from appliance.jobs.events import forget_events_of_owner
from appliance.jobs.states import TargetState
from appliance.learning.feedback import Opinion, Signals, record_feedback
from appliance.owner import Owner
from appliance.storage.tables import events
from tests.jobs.letting_go import let_go

BOB = Owner("app", "bob")


def rows_of(bench, job=None, kind: str | None = None) -> list:
    query = sa.select(events).order_by(events.c.at_s, events.c.id)
    if job is not None:
        query = query.where(events.c.job_id == job.id)
    if kind is not None:
        query = query.where(events.c.kind == kind)
    with bench.rows() as rows:
        return rows.execute(query).all()


def test_each_language_that_ends_leaves_one_receipt_event(bench):
    job = bench.submit("good morning", "fr", "es")
    assert rows_of(bench) == []
    bench.clock.advance(3)
    bench.run()
    bench.reconcile()
    found = rows_of(bench, job)
    assert sorted((row.kind, row.language, row.source_language, row.state) for row in found) == [
        ("receipt", "es", "en", "done"),
        ("receipt", "fr", "en", "done"),
    ]
    assert {(row.application_id, row.user_id, row.variant, row.cached) for row in found} == {
        ("app", "alice", None, False)
    }
    assert {row.latency_s for row in found} == {3.0}


def test_an_event_holds_the_receipts_figures_and_what_it_was_made_under(bench):
    job = bench.submit("good morning", "fr", audio_format="mp3")
    bench.run()
    target, event = bench.get(job).targets[0], rows_of(bench, job)[0]
    receipt, figures = target.spoken.receipt, event.detail["figures"]
    assert (event.wer, event.similarity) == (receipt["wer"], receipt["similarity"])
    for name in ("route", "engines", "stage_ms", "back_translation_chrf", "snr_db", "seed", "cached_stages"):
        assert figures[name] == receipt[name], name
    assert event.detail["choices"]["audio_format"] == "mp3"
    assert event.detail["limits"] == {"max_wer": 0.35, "min_similarity": 0.5, "speak_attempts": 3}
    assert event.detail["audio_s"] == pytest.approx(bench.get(job).audio.duration_s)


def test_no_event_holds_what_was_said_heard_or_translated(bench):
    bench.synthesizer = type(bench.synthesizer)(spoiled_seeds=[0])
    bench.submit("a very private matter", "fr", "es")
    bench.submit("a very private matter", "fr", key="again")
    bench.run()
    bench.submit("a very private matter", "fr")
    found = json.dumps([[str(value) for value in row] for row in rows_of(bench)])
    assert len(rows_of(bench)) == 4
    assert not [word for word in ("private", "matter", "fr:a", "very") if word in found]


def test_an_answer_from_the_cache_is_an_event_too(bench):
    bench.submit("good morning", "fr")
    bench.run()
    again = bench.submit("good morning", "fr")
    assert [(row.cached, row.state, row.latency_s) for row in rows_of(bench, again)] == [(True, "done", 0.0)]
    assert rows_of(bench, again)[0].detail["figures"]["route"] == "argos:en>fr"


def test_those_that_share_a_computation_have_an_event_each(bench):
    jobs = [bench.submit("good morning", "fr") for _ in range(3)]
    bench.run()
    assert sorted(rows_of(bench, job)[0].cached for job in jobs) == [False, True, True]
    assert all(len(rows_of(bench, job)) == 1 for job in jobs)


def test_failures_and_cancellations_are_events_with_the_code_and_no_figures(bench):
    failed, cancelled = bench.submit("", "fr"), bench.submit("good morning", "fr")
    cancel_job(bench.database, cancelled.owner, cancelled.id)
    bench.run()
    (failure,), (cancellation,) = rows_of(bench, failed), rows_of(bench, cancelled)
    assert (failure.state, failure.detail["error"], failure.detail["figures"]) == ("failed", "no_speech", None)
    assert (cancellation.state, cancellation.wer) == ("cancelled", None)


def test_deleting_a_job_takes_its_events_along_and_no_others(bench):
    job, other = bench.submit("good morning", "fr"), bench.submit("good evening", "fr")
    bench.run()
    record_feedback(bench.database, job.owner, job.id, "fr", Opinion(rating=5, comment="lovely"), Signals(replayed=1))
    delete_job(bench.database, bench.objects, job.owner, job.id)
    assert [row.job_id for row in rows_of(bench)] == [other.id]


def test_a_job_whose_time_is_over_leaves_figures_without_text(bench):
    job = bench.submit("good morning", "fr")
    bench.run()
    record_feedback(bench.database, job.owner, job.id, "fr", Opinion(rating=2, comment="wrong word"), Signals())
    bench.clock.advance(bench.settings.result_ttl_s + 1)
    let_go(bench.database, bench.objects, bench.settings)
    receipt, feedback = sorted(rows_of(bench, job), key=lambda row: row.kind, reverse=True)
    assert receipt.wer == 0.0
    assert (feedback.rating, feedback.rating_counts, feedback.comment) == (2, True, None)


def test_events_go_when_their_own_time_is_over(bench):
    bench.submit("good morning", "fr")
    bench.run()
    bench.clock.advance(bench.settings.events_ttl_s - 10)
    bench.submit("good morning", "es")
    bench.run()
    let_go(bench.database, bench.objects, bench.settings)
    assert sorted(row.language for row in rows_of(bench)) == ["es", "fr"]
    bench.clock.advance(20)
    let_go(bench.database, bench.objects, bench.settings)
    assert [row.language for row in rows_of(bench)] == ["es"]


def test_erasing_an_owner_takes_all_events_even_of_jobs_that_are_gone(bench):
    bench.submit("good morning", "fr")
    bobs = bench.submit("good morning", "fr", owner=BOB)
    bench.run()
    bench.clock.advance(bench.settings.result_ttl_s + 1)
    let_go(bench.database, bench.objects, bench.settings)
    with bench.database.write() as connection:
        assert forget_events_of_owner(connection, Owner("app", "alice")) == 1
        assert forget_events_of_owner(connection, Owner("other-app", "bob")) == 0
    assert [row.job_id for row in rows_of(bench)] == [bobs.id]


def test_an_end_that_is_rolled_back_leaves_no_event(bench, monkeypatch):
    job = bench.submit("good morning", "fr")
    monkeypatch.setattr("appliance.jobs.endings.settle_followers", fails)
    with pytest.raises(ZeroDivisionError):
        cancel_job(bench.database, job.owner, job.id)
    assert rows_of(bench) == []
    assert bench.get(job).targets[0].state is TargetState.WAITING


def fails(*_):
    raise ZeroDivisionError
