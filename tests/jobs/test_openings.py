"""What `/capacity` and the metrics say of admission: the same as admission does."""

import pytest
import sqlalchemy as sa

from appliance.errors import Overloaded
from appliance.jobs.rates import COMMISSIONED, FAMILIES
from appliance.status.collector import FiguresCollector
from appliance.status.openings import PRIORITIES, openings
from appliance.storage import tables
from tests.jobs.site import NOTE_S, Site

DEEP = 20
"""Urgent notes: far more than may wait before any other."""


@pytest.fixture(params=["commissioned", "observed"])
def site(bench, request):
    """A site with more work than any note of it could wait for, measured by commissioning or learned from work."""
    site = Site(bench)
    with bench.database.write() as connection:
        connection.execute(sa.delete(tables.site).where(tables.site.c.key == COMMISSIONED))
    for _ in range(DEEP):
        site.note(0)
    if request.param == "commissioned":
        site.measured(dict.fromkeys(FAMILIES, 0.1))
    bench.clock.advance(1.0)
    site.registries[0].seen()
    assert site.look().rates.origin == request.param
    return site


def found(site):
    bench = site.bench
    with bench.rows() as rows:
        return openings(rows, bench.settings, site.look(), bench.clock.now_s())


def taken(site, priority: int) -> bool:
    try:
        site.note(priority)
    except Overloaded:
        return False
    return True


def test_what_is_said_to_be_accepted_is_what_admission_accepts(site):
    told = {each.priority: each.accepts for each in found(site)}
    assert {priority: taken(site, priority) for priority in PRIORITIES} == told
    assert set(told.values()) == {site.look().rates.origin == "observed"}


def test_when_to_ask_again_is_told_where_a_note_would_be_refused_and_when_it_would_be_done_everywhere(site):
    for each in found(site):
        assert (each.retry_after_s is None) == each.accepts
        assert each.eta_s == pytest.approx((DEEP + 1) * NOTE_S)


def test_the_metric_says_the_same(site):
    collector = FiguresCollector(site.bench.database, site.bench.settings)
    metrics = {metric.name: metric for metric in collector.collect()}
    name = next(name for name in metrics if name.endswith("admission_open"))
    samples = {sample.labels["priority"]: bool(sample.value) for sample in metrics[name].samples}
    assert samples == {str(each.priority): each.accepts for each in found(site)}
