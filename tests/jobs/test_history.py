"""The list of an owner's jobs, page by page."""

import itertools
import zlib

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.errors import InvalidRequest
from appliance.jobs.states import JobState
from appliance.learning.cursor import Position, cursor_of, position_of
from appliance.learning.feedback import Opinion, Signals, record_feedback
from appliance.learning.history import Asked, history
from appliance.owner import Owner
from appliance.storage.tables import jobs

ALICE = Owner("app", "alice")


def listed(bench, owner=ALICE, **asked) -> list[str]:
    return [entry.job_id for entry in history(bench.database, owner, Asked(**asked)).jobs]


def test_the_newest_job_comes_first_with_its_languages_and_their_ratings(bench):
    first = bench.submit("good morning", "fr", "es")
    bench.run()
    record_feedback(bench.database, ALICE, first.id, "es", Opinion(rating=1), Signals())
    record_feedback(bench.database, ALICE, first.id, "es", Opinion(rating=4), Signals())
    bench.clock.advance(1)
    second = bench.submit("good morning", "fr")
    page = history(bench.database, ALICE, Asked())
    assert [entry.job_id for entry in page.jobs] == [second.id, first.id]
    assert page.next_cursor is None
    newest, oldest = page.jobs
    assert [(e.language, e.state, e.cached, e.rating) for e in oldest.languages] == [
        ("fr", "done", False, None),
        ("es", "done", False, 4),
    ]
    assert [(e.language, e.cached, e.rating) for e in newest.languages] == [("fr", True, None)]
    assert (oldest.source_language, oldest.finished_s) == ("en", bench.get(first).finished_s)


def test_what_was_heard_comes_along_only_when_asked_for(bench):
    bench.submit("a private matter", "fr")
    bench.run()
    assert history(bench.database, ALICE, Asked()).jobs[0].text is None
    assert history(bench.database, ALICE, Asked(text=True)).jobs[0].text == "a private matter"


def test_nobody_sees_anothers_jobs_not_even_with_their_cursor(bench):
    for number in range(3):
        bench.submit(f"message {number}", "fr")
    cursor = history(bench.database, ALICE, Asked(limit=1)).next_cursor
    for stranger in (Owner("app", "bob"), Owner("other-app", "alice")):
        assert listed(bench, stranger) == []
        assert listed(bench, stranger, cursor=cursor) == []


def test_filters_narrow_the_list(bench):
    done = bench.submit("good morning", "fr")
    bench.run()
    bench.clock.advance(10)
    at_s = bench.clock.now_s()
    failed = bench.submit("", "es", "fr")
    bench.run()
    bench.clock.advance(10)
    open_ = bench.submit("good evening", "es")
    assert listed(bench, state=JobState.DONE) == [done.id]
    assert listed(bench, language="es") == [open_.id, failed.id]
    assert listed(bench, since_s=at_s) == [open_.id, failed.id]
    assert listed(bench, until_s=at_s) == [done.id]
    assert listed(bench, since_s=at_s, until_s=at_s + 1, language="fr", state=JobState.FAILED) == [failed.id]


@pytest.mark.parametrize(
    "cursor", ["", "x", "é", "!!!!", "W10", cursor_of(Position(1.0, "a\x00b")), "W251bGwsIngiXQ", "W" * 200]
)
def test_a_cursor_that_is_none_is_refused(cursor):
    with pytest.raises(InvalidRequest):
        position_of(cursor)


@given(accepted_s=st.floats(0, 1e11), job_id=st.from_regex(r"\A[\x21-\x7e]{1,40}\Z"))
def test_a_cursor_keeps_its_position_exactly(accepted_s, job_id):
    assert position_of(cursor_of(Position(accepted_s, job_id))) == Position(accepted_s, job_id)


_names = itertools.count()


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    limit=st.integers(1, 4),
    before=st.lists(st.integers(0, 3), max_size=12),
    between=st.lists(st.lists(st.integers(0, 2), max_size=3), max_size=12),
)
def test_paging_shows_every_job_exactly_once_while_others_arrive(database, limit, before, between):
    """Numbers are the seconds until each arrival, so that many jobs share a moment; one user per example."""
    owner, now_s = Owner("app", f"user {next(_names)}"), 1_800_000_000.1

    def arrive(pauses) -> list[str]:
        nonlocal now_s
        made = []
        with database.write() as connection:
            for pause_s in pauses:
                now_s += pause_s
                made.append(_insert(connection, owner, now_s))
        return made

    there = arrive(before)
    shown: list[tuple[float, str]] = []
    cursor = None
    for round_ in itertools.count():
        page = history(database, owner, Asked(limit=limit, cursor=cursor))
        assert len(page.jobs) <= limit
        shown += [(entry.accepted_s, entry.job_id) for entry in page.jobs]
        cursor = page.next_cursor
        if cursor is None:
            break
        now_s += 1  # what is accepted after a page was read is accepted later than all that it shows
        arrive(between[round_] if round_ < len(between) else [])

    assert shown == sorted(shown, reverse=True)
    assert sorted(job_id for _, job_id in shown) == sorted(there)


def _insert(connection: sa.Connection, owner: Owner, accepted_s: float) -> str:
    job_id = f"job_{zlib.crc32(str(next(_names)).encode()):08x}"
    connection.execute(
        sa.insert(jobs).values(
            id=job_id, application_id=owner.application_id, user_id=owner.user_id, state="queued",
            accepted_s=accepted_s, deadline_s=accepted_s, request={}, request_sha256="", audio_sha256="",
        )
    )  # fmt: skip
    return job_id
