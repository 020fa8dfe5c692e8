"""Kept answers that have expired."""

import sqlalchemy as sa

from appliance.cache.answers import forget_expired
from appliance.housekeeping.ended_jobs import count
from appliance.housekeeping.house import House, Outcome
from appliance.storage.tables import cached_answers

AT_ONCE = 5000


def forget_answers(house: House) -> Outcome:
    """Remove the first of them."""
    with house.transaction() as connection:
        now_s = house.database.now_s(connection)
        found = count(connection, sa.select(cached_answers.c.key).where(cached_answers.c.expires_s <= now_s))
        forgotten = forget_expired(connection, now_s, AT_ONCE)
    return Outcome(found=found, done=0 if house.dry_run else forgotten)
