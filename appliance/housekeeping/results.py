"""Whole jobs with their results, when their time is over."""

from collections.abc import Sequence
from contextlib import suppress

import sqlalchemy as sa

from appliance.errors import NotFound
from appliance.housekeeping.ended_jobs import AT_ONCE, count, ended_before, in_parts
from appliance.housekeeping.house import House, Outcome
from appliance.jobs.cancel import expire_job
from appliance.owner import Owner
from appliance.storage.tables import jobs


def expire_results(house: House) -> Outcome:
    """Remove jobs that ended long enough ago, with their audio and the answers kept from them."""
    with house.database.read() as connection:
        before_s = house.database.now_s(connection) - house.settings.result_ttl_s
        found = count(connection, ended_before(before_s))
    if house.dry_run:
        return Outcome(found=found, done=0)
    done = in_parts(house, lambda after_s: _expire_some(house, ended_before(before_s, after_s)))
    return Outcome(found=max(found, done), done=done)


def _expire_some(house: House, due: sa.Select) -> Sequence[sa.Row]:
    columns = (jobs.c.finished_s, jobs.c.application_id, jobs.c.user_id)
    with house.database.read() as connection:
        rows = connection.execute(due.add_columns(*columns).limit(AT_ONCE)).all()
    for row in rows:
        with suppress(NotFound):  # its owner was faster, or another process
            expire_job(house.database, house.objects, Owner(row.application_id, row.user_id), row.id)
    return rows
