"""Figures over time, and answers to actions that nobody repeats any more."""

import sqlalchemy as sa

from appliance.history.writing import write_history
from appliance.housekeeping.house import House, Outcome
from appliance.storage.admin_tables import admin_actions

REPEATED_WITHIN_S = 86_400.0
"""For how long an `Idempotency-Key` of an action is known."""


def keep_history(house: House) -> Outcome:
    """Add what happened since the last round to the history."""
    with house.transaction() as connection:
        return house.outcome(write_history(connection, house.database.now_s(connection)))


def forget_actions(house: House) -> Outcome:
    """Remove what actions came to a day ago; the audit keeps who did what."""
    with house.transaction() as connection:
        before_s = house.database.now_s(connection) - REPEATED_WITHIN_S
        return house.outcome(
            connection.execute(sa.delete(admin_actions).where(admin_actions.c.at_s < before_s)).rowcount
        )
