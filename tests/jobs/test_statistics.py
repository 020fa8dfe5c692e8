"""Figures computed from rows, the same on both databases as in plain Python."""

import itertools
import math
from statistics import fmean

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.jobs.cancel import cancel_job
from appliance.jobs.events import EventKind, add_event
from appliance.learning.feedback import Opinion, Signals, record_feedback
from appliance.learning.statistics import Whose, statistics
from appliance.owner import Owner
from tests.jobs.letting_go import let_go

ALICE, BOB = Owner("app", "alice"), Owner("app", "bob")


def figures(bench, owner: Owner = ALICE, since_s: float = 0.0):
    return statistics(
        bench.database, Whose(application_id=owner.application_id, user_id=owner.user_id, since_s=since_s)
    )


def test_where_nothing_happened_nothing_is_made_up(bench):
    found = figures(bench)
    assert (found.jobs, found.spoken, found.ratings, set(found.targets.values())) == (0, 0, 0, {0})
    for figure in ("cache_hit_rate", "latency_s", "computed_latency_s", "wer", "similarity", "rating"):
        assert getattr(found, figure) is None, figure
    assert found.pairs == []


def test_figures_are_those_of_the_receipts_and_of_the_times(bench):
    first = bench.submit("good morning", "fr", "es")
    bench.clock.advance(4)
    bench.run()
    bench.submit("good morning", "fr")
    found = figures(bench)
    similarities = [t.spoken.receipt["similarity"] for t in bench.get(first).targets]
    assert (found.jobs, found.spoken, found.targets["done"]) == (2, 3, 3)
    assert found.cache_hit_rate == pytest.approx(1 / 3)
    assert found.similarity == pytest.approx(fmean([*similarities, similarities[0]]))
    assert (found.latency_s.mean, found.latency_s.p50, found.latency_s.p95) == (pytest.approx(8 / 3), 4.0, 4.0)
    assert (found.computed_latency_s.mean, found.computed_latency_s.p50) == (4.0, 4.0)
    assert [(pair.source, pair.target, pair.spoken, pair.cache_hit_rate) for pair in found.pairs] == [
        ("en", "es", 1, 0.0),
        ("en", "fr", 2, 0.5),
    ]


def test_a_stock_voice_has_no_similarity_to_average(bench):
    bench.submit("good morning", "fr", consent=False)
    bench.run()
    assert (figures(bench).similarity, figures(bench).wer) == (None, 0.0)


def test_open_failed_and_cancelled_languages_are_counted_by_state(bench):
    cancelled = bench.submit("good evening", "fr")
    cancel_job(bench.database, ALICE, cancelled.id)
    bench.submit("", "fr", "es")
    bench.run()
    bench.submit("good morning", "fr", "es")
    found = figures(bench)
    counted = {state.value: count for state, count in found.targets.items() if count}
    assert counted == {"cancelled": 1, "failed": 2, "waiting": 2}
    assert (found.jobs, found.spoken, found.latency_s) == (3, 0, None)


def test_only_the_rating_that_counts_counts(bench):
    job = bench.submit("good morning", "fr", "es")
    bench.run()
    for language, rating in (("fr", 1), ("fr", 5), ("es", 4)):
        record_feedback(bench.database, ALICE, job.id, language, Opinion(rating=rating), Signals(replayed=9))
    found = figures(bench)
    assert (found.ratings, found.rating) == (2, 4.5)
    assert [(pair.target, pair.rating) for pair in found.pairs] == [("es", 4.0), ("fr", 5.0)]


def test_an_owner_sees_only_their_own_and_the_application_all_its_users(bench):
    bench.submit("good morning", "fr")
    bench.submit("good morning", "fr", owner=BOB)
    bench.submit("good morning", "fr", owner=Owner("other-app", "alice"))
    bench.run()
    assert (figures(bench).jobs, figures(bench, BOB).jobs, figures(bench, Owner("app", "carol")).jobs) == (1, 1, 0)
    assert statistics(bench.database, Whose(application_id="app")).spoken == 2


def test_statistics_outlive_the_jobs_and_can_start_at_a_time(bench):
    bench.submit("good morning", "fr")
    bench.run()
    bench.clock.advance(bench.settings.result_ttl_s + 1)
    let_go(bench.database, bench.objects, bench.settings)
    assert (figures(bench).jobs, figures(bench).spoken) == (1, 1)
    assert figures(bench, since_s=bench.clock.now_s() - 1).jobs == 0


_users = itertools.count()
_ends = st.tuples(
    st.sampled_from([None, "en", "es"]),
    st.sampled_from(["fr", "de"]),
    st.sampled_from(["done", "needs_review", "failed"]),
    st.booleans(),
    st.floats(0, 100, allow_nan=False),
    st.none() | st.floats(0, 2, allow_nan=False),
)


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(ends=st.lists(_ends, max_size=40))
def test_sql_computes_what_plain_python_computes(database, ends):
    owner = Owner("app", f"user {next(_users)}")
    with database.write() as connection:
        for number, (source, target, state, cached, latency_s, wer) in enumerate(ends):
            add_event(
                connection, EventKind.RECEIPT, owner, f"job_{number}", target, 1000.0, source_language=source,
                state=state, cached=cached, latency_s=latency_s, wer=wer,
            )  # fmt: skip
    found = statistics(database, Whose(application_id="app", user_id=owner.user_id))
    agrees(found, ends)
    for pair in found.pairs:
        agrees(pair, [end for end in ends if end[:2] == (pair.source, pair.target)])
    assert {(p.source, p.target) for p in found.pairs} == {end[:2] for end in ends if end[0] and end[2] != "failed"}


def agrees(found, ends) -> None:
    spoken = [end for end in ends if end[2] != "failed"]
    assert found.spoken == len(spoken)
    assert found.cache_hit_rate == mean(float(end[3]) for end in spoken)
    assert found.wer == mean(end[5] for end in spoken if end[5] is not None)
    same_spread(found.latency_s, [end[4] for end in spoken])
    same_spread(found.computed_latency_s, [end[4] for end in spoken if not end[3]])


def mean(values):
    values = list(values)
    return pytest.approx(fmean(values)) if values else None


def same_spread(spread, values) -> None:
    if not values:
        assert spread is None
        return
    ordered = sorted(values)
    ranked = [ordered[math.ceil(share * len(ordered) / 100) - 1] for share in (50, 95)]
    assert [spread.p50, spread.p95] == ranked
    assert spread.mean == pytest.approx(fmean(values))
