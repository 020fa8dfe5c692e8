"""What an owner says about a result, and how they used it."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from appliance.errors import InvalidRequest, NotFound
from appliance.jobs.cancel import delete_job
from appliance.jobs.events import EventKind, add_event
from appliance.jobs.locks import hold_jobs
from appliance.learning.feedback import Opinion, Signals, record_feedback
from appliance.owner import Owner
from appliance.storage.tables import events
from tests.jobs.test_together import until_somebody_waits


@pytest.fixture
def job(bench):
    job = bench.submit("good morning", "fr", "es")
    bench.run()
    return job


def say(bench, job, language="fr", *, owner=None, signals=None, **opinion) -> str:
    return record_feedback(
        bench.database, owner or job.owner, job.id, language, Opinion(**opinion), signals or Signals()
    )


def told(bench, kind: str) -> list:
    with bench.rows() as rows:
        return rows.execute(sa.select(events).where(events.c.kind == kind).order_by(events.c.at_s)).all()


def test_an_opinion_is_one_event_of_its_owner_and_language(bench, job):
    event_id = say(
        bench,
        job,
        rating=4,
        sounds_like_me=True,
        translation_correct=False,
        issue="wrong_words",
        comment="not nine",
    )
    (event,) = told(bench, "feedback")
    assert (event.id, event.job_id, event.language, event.source_language) == (event_id, job.id, "fr", "en")
    assert (event.application_id, event.user_id) == ("app", "alice")
    assert (event.rating, event.comment) == (4, "not nine")
    assert event.detail == {"sounds_like_me": True, "translation_correct": False, "issue": "wrong_words"}


def test_a_second_rating_of_the_same_result_replaces_the_first_and_both_stay_as_events(bench, job):
    for rating, language in ((2, "fr"), (5, "es"), (4, "fr")):
        say(bench, job, language, rating=rating)
        bench.clock.advance(1)
    assert [(e.rating, e.language, e.rating_counts) for e in told(bench, "feedback")] == [
        (2, "fr", False),
        (5, "es", True),
        (4, "fr", True),
    ]


def test_an_opinion_without_a_rating_leaves_the_rating_in_force(bench, job):
    say(bench, job, rating=3)
    bench.clock.advance(1)
    say(bench, job, sounds_like_me=False)
    assert [(e.rating, e.rating_counts) for e in told(bench, "feedback")] == [(3, True), (None, False)]


def test_two_ratings_of_one_result_can_never_both_count(bench, job):
    say(bench, job, rating=3)
    with pytest.raises(IntegrityError), bench.database.write() as connection:
        add_event(
            connection, EventKind.FEEDBACK, job.owner, job.id, "fr", bench.clock.now_s(), rating=1, rating_counts=True
        )


def test_each_signal_is_an_event_of_its_own(bench, job):
    first = say(bench, job, signals=Signals(replayed=2, shared=True, listened_s=0.0))
    found = told(bench, "signal")
    assert sorted((list(event.detail.items()) for event in found), key=str) == [
        [("listened_s", 0.0)],
        [("replayed", 2)],
        [("shared", True)],
    ]
    assert first in {event.id for event in found}
    assert told(bench, "feedback") == []


def test_saying_nothing_is_refused(bench, job):
    with pytest.raises(InvalidRequest):
        say(bench, job, signals=Signals(replayed=0, shared=False))


@pytest.mark.parametrize("owner", [Owner("app", "bob"), Owner("other-app", "alice")])
def test_nobody_else_can_judge_a_job(bench, job, owner):
    with pytest.raises(NotFound):
        say(bench, job, owner=owner, rating=1)
    assert told(bench, "feedback") == []


def test_a_language_that_the_job_lacks_or_that_is_still_in_work_cannot_be_judged(bench, job):
    running = bench.submit("good evening", "fr")
    with pytest.raises(NotFound):
        say(bench, job, "de", rating=1)
    with pytest.raises(NotFound, match="waiting"):
        say(bench, running, rating=1)


def test_a_result_that_failed_can_be_complained_about(bench):
    failed = bench.submit("", "fr")
    bench.run()
    say(bench, failed, issue="other")
    (event,) = told(bench, "feedback")
    assert (event.source_language, event.detail["issue"]) == (None, "other")


def test_of_eight_ratings_at_once_exactly_one_counts(bench, job):
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda rating: say(bench, job, rating=rating), [1, 2, 3, 4, 5, 4, 3, 2]))
    found = told(bench, "feedback")
    assert (len(found), sum(event.rating_counts for event in found)) == (8, 1)


def test_feedback_that_meets_the_jobs_deletion_leaves_nothing_behind(bench, job):
    held = threading.Event()

    def delete():
        held.wait()
        delete_job(bench.database, bench.objects, job.owner, job.id)

    with ThreadPoolExecutor(1) as threads:
        deletion = threads.submit(delete)
        with bench.database.write() as connection:
            hold_jobs(connection, [job.id])
            held.set()
            blocked = until_somebody_waits(bench.database)
            add_event(connection, EventKind.FEEDBACK, job.owner, job.id, "fr", bench.clock.now_s(), rating=5)
        deletion.result(timeout=10)
    assert blocked or bench.database.is_sqlite
    assert told(bench, "feedback") == []
