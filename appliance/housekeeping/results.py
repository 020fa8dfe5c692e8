"""Whole jobs with their results, when their time is over."""

from collections.abc import Sequence
from contextlib import suppress

import sqlalchemy as sa

from appliance.errors import NotFound
from appliance.housekeeping.ended_jobs import AT_ONCE, ended_before, let_go
from appliance.housekeeping.house import House, Outcome
from appliance.jobs.cancel import expire_job
from appliance.owner import Owner
from appliance.storage.tables import jobs


def expire_results(house: House) -> Outcome:
    """Remove jobs that ended long enough ago, with their audio and the answers kept from them."""
    return let_go(house, house.settings.result_ttl_s, ended_before, _expire_some)


def _expire_some(house: House, due: sa.Select) -> Sequence[sa.Row]:
    columns = (jobs.c.finished_s, jobs.c.application_id, jobs.c.user_id)
    with house.database.read() as connection:
        rows = connection.execute(due.add_columns(*columns).limit(AT_ONCE)).all()
    for row in rows:
        with suppress(NotFound):  # its owner was faster, or another process
            expire_job(house.database, house.objects, Owner(row.application_id, row.user_id), row.id)
    return rows
