"""What interrupted writes left in the object store."""

from appliance.housekeeping.house import House, Outcome

OLDER_THAN_S = 3600.0
"""No write takes that long: the S3 client gives up after seconds of silence, and an object is one recording."""


def sweep_unfinished_writes(house: House) -> Outcome:
    """Remove it."""
    return house.outcome(house.objects.sweep_unfinished(OLDER_THAN_S, dry_run=house.dry_run))
