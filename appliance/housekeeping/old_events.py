"""Events that statistics and learning no longer keep."""

import sqlalchemy as sa

from appliance.housekeeping.ended_jobs import count
from appliance.housekeeping.house import House, Outcome
from appliance.jobs.events import forget_old_events
from appliance.storage.tables import events

AT_ONCE = 5000
"""Events let go per round; a round a minute keeps up with 80 languages ending a second."""


def forget_events(house: House) -> Outcome:
    """Remove the oldest of those that are older than the site keeps them."""
    with house.transaction() as connection:
        before_s = house.database.now_s(connection) - house.settings.events_ttl_s
        found = count(connection, sa.select(events.c.id).where(events.c.at_s < before_s))
        forgotten = forget_old_events(connection, before_s, AT_ONCE)
    return Outcome(found=found, done=0 if house.dry_run else forgotten)
