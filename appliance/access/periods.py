"""Calendar months and days in UTC: when what a plan allows starts anew."""

import re
from datetime import UTC, datetime, timedelta

from appliance.errors import InvalidRequest

_MONTH = re.compile(r"[12][0-9]{3}-(0[1-9]|1[0-2])")
MONTH_PATTERN = f"^{_MONTH.pattern}$"


def month_of(now_s: float) -> str:
    """Return the month, such as `2026-08`."""
    return datetime.fromtimestamp(now_s, UTC).strftime("%Y-%m")


def month_end_s(now_s: float) -> float:
    """Return when the next month begins."""
    now = datetime.fromtimestamp(now_s, UTC)
    year, month = (now.year + 1, 1) if now.month == 12 else (now.year, now.month + 1)
    return datetime(year, month, 1, tzinfo=UTC).timestamp()


def day_end_s(now_s: float) -> float:
    """Return when the next day begins."""
    day = datetime.fromtimestamp(now_s, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return (day + timedelta(days=1)).timestamp()


def checked_month(text: str) -> str:
    """Return the text, or raise InvalidRequest where it is no month."""
    if not _MONTH.fullmatch(text):
        raise InvalidRequest("A month is written as 2026-08.")
    return text
