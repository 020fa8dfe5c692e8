"""What the tests of the phrase library share: a library that grows under a clock that the test moves."""

import sqlalchemy as sa

from appliance.housekeeping.house import House
from appliance.housekeeping.phrases import SETTLED_S, bound_phrases, grow_phrases
from appliance.owner import Owner
from appliance.storage.tables import phrase_days, phrase_sayings, phrases


def user(number: int, application: str = "app") -> Owner:
    return Owner(application, f"user{number}")


def say(bench, text, *owners, target="fr", **asked):
    """Let each of these say it, finish all, and let the library take it in; return the jobs."""
    jobs = [bench.submit(text, target, owner=owner, **asked) for owner in owners]
    bench.run()
    grow(bench)
    return [bench.get(job) for job in jobs]


def grow(bench, *, dry_run: bool = False):
    bench.clock.advance(SETTLED_S + 1)
    house = House(bench.database, bench.objects, bench.settings, dry_run)
    outcome = grow_phrases(house)
    bound_phrases(house)
    return outcome


def change_settings(bench, **changes):
    bench.settings = bench.settings.model_copy(update=changes)


def memory_of(job):
    return [sentence["memory"] for sentence in job.targets[0].translation["sentences"]]


def rows_of(bench, table):
    with bench.rows() as connection:
        return connection.execute(sa.select(table)).all()


def library(bench):
    return {(row.said, row.source, row.target): row for row in rows_of(bench, phrases)}


def sayings(bench):
    return rows_of(bench, phrase_sayings)


def days(bench):
    return {(row.day, row.source, row.target): row for row in rows_of(bench, phrase_days)}
