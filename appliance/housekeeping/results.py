"""Whole jobs with their results, when their time is over."""

from contextlib import suppress

from appliance.errors import NotFound
from appliance.housekeeping.ended_jobs import AT_ONCE, count, ended_before
from appliance.housekeeping.house import House, Outcome
from appliance.jobs.cancel import expire_job
from appliance.jobs.query import load_job


def expire_results(house: House) -> Outcome:
    """Remove jobs that ended long enough ago, with their audio and the answers kept from them."""
    with house.database.read() as connection:
        due = ended_before(house.database.now_s(connection) - house.settings.result_ttl_s)
        found = count(connection, due)
        owners = {}
        if not house.dry_run:
            for job_id in connection.scalars(due.limit(AT_ONCE)).all():
                with suppress(NotFound):
                    owners[job_id] = load_job(connection, job_id).owner
    for job_id, owner in owners.items():
        with suppress(NotFound):  # its owner was faster
            expire_job(house.database, house.objects, owner, job_id)
    return Outcome(found=found, done=len(owners))
