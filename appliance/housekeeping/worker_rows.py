"""Entries of workers that have long been gone."""

from appliance.housekeeping.house import House, Outcome
from appliance.jobs.registry import forget_workers

KEEP_S = 3600.0


def forget_gone_workers(house: House) -> Outcome:
    """Remove those that were not seen for an hour, but not the newest of all."""
    with house.transaction() as connection:
        return house.outcome(forget_workers(connection, house.database.now_s(connection) - KEEP_S))
