"""How much is done ahead in an hour, by all workers of the site together."""

from typing import Any

import sqlalchemy as sa

from appliance.jobs.locks import hold_names
from appliance.storage.site import set_site_value, site_value

_MADE = "phrases.ahead"
_HOUR_S = 3600.0


def grant(connection: sa.Connection, per_hour: int, wanted: int, now_s: float) -> int:
    """Return how many of these phrases may be made ahead now, and count them for this hour of the clock."""
    hold_names(connection, [_MADE])
    hour = int(now_s // _HOUR_S)
    made: dict[str, Any] = site_value(connection, _MADE) or {}
    used = made.get("made", 0) if made.get("hour") == hour else 0
    granted = max(0, min(wanted, per_hour - used))
    if granted:
        set_site_value(connection, _MADE, {"hour": hour, "made": used + granted}, now_s)
    return granted
