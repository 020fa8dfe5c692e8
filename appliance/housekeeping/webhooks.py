"""Messages of the outbox that have come to an end, one way or the other."""

import sqlalchemy as sa

from appliance.housekeeping.ended_jobs import count
from appliance.housekeeping.house import House, Outcome
from appliance.jobs.outbox import MessageState
from appliance.storage.tables import outbox

AT_ONCE = 5000


def forget_webhooks(house: House) -> Outcome:
    """Remove messages that nobody will send any more and that are old; a message also goes with its job."""
    with house.transaction() as connection:
        before_s = house.database.now_s(connection) - house.settings.webhooks_ttl_s
        old = sa.select(outbox.c.id).where(
            # Named, not negated: that is what the index is made for.
            outbox.c.state.in_([state.value for state in MessageState if state is not MessageState.WAITING]),
            outbox.c.created_s < before_s,
        )
        found = count(connection, old)
        oldest = old.order_by(outbox.c.created_s).limit(AT_ONCE)
        forgotten = connection.execute(sa.delete(outbox).where(outbox.c.id.in_(oldest))).rowcount
    return Outcome(found=found, done=0 if house.dry_run else forgotten)
