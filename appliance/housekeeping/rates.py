"""Minutes in which requests were counted, once they are over."""

import sqlalchemy as sa

from appliance.housekeeping.house import House, Outcome
from appliance.storage.tables import rate_windows

KEEP_S = 3600


def forget_rate_windows(house: House) -> Outcome:
    """Remove windows of an hour ago: counting leaves them here, since a request has more urgent things to do."""
    with house.transaction() as connection:
        before_s = int(house.database.now_s(connection)) - KEEP_S
        old = sa.delete(rate_windows).where(rate_windows.c.window_start_s < before_s)
        return house.outcome(connection.execute(old).rowcount)
