"""Kept answers that have expired."""

from appliance.cache.answers import forget_expired
from appliance.housekeeping.house import House, Outcome


def forget_answers(house: House) -> Outcome:
    """Remove them."""
    with house.transaction() as connection:
        forgotten = forget_expired(connection, house.database.now_s(connection))
    return house.outcome(forgotten)
