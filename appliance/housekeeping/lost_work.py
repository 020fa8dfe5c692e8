"""Work that crashed workers left, languages without work, jobs without an end."""

from appliance.housekeeping.house import House, Outcome
from appliance.jobs.reconcile import put_right


def return_lost_work(house: House) -> Outcome:
    """Do one round of the reconciler that every worker also runs."""
    with house.transaction() as connection:
        done = put_right(connection, house.database.now_s(connection), house.settings.attempts)
    return house.outcome(done.all)
