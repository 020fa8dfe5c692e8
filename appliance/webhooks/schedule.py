"""When a message is tried: the pauses that the Standard Webhooks specification recommends, about 75 hours in all."""

import random
from datetime import UTC
from email.utils import parsedate_to_datetime

_HOUR_S = 3600.0
SCHEDULE_S = (0.0, 5.0, 300.0, 1800.0, *(hours * _HOUR_S for hours in (2, 5, 10, 14, 20, 24)))
"""Seconds between the attempt before and this one; the first is made at once."""
JITTER = 0.1
"""Each pause is up to this part longer or shorter, so that messages which failed together do not come back together."""
LONGEST_ASKED_S = 24 * _HOUR_S
"""What a receiver asks for with Retry-After is granted up to here."""
_ASKING = frozenset({429, 502, 503, 504})
_DIGITS_MAX = 9


def pause_s(failed: int, jitter: random.Random, asked_s: float | None = None) -> float | None:
    """Return the seconds until the next attempt after so many failed ones, None when none is left.

    A receiver can ask for a longer pause, never for a shorter one: it would have used up the schedule in minutes.
    """
    if failed >= len(SCHEDULE_S):
        return None
    own_s = SCHEDULE_S[failed] * jitter.uniform(1 - JITTER, 1 + JITTER)
    if asked_s is None:
        return own_s
    return max(own_s, min(asked_s, LONGEST_ASKED_S) * jitter.uniform(1, 1 + JITTER))


def asked_pause_s(status: int, retry_after: str | None, now_s: float) -> float | None:
    """Return the pause in seconds that an answer asks for: 429, 502, 503 and 504 may, in seconds or as a date."""
    if status not in _ASKING or retry_after is None:
        return None
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return float(text[:_DIGITS_MAX])
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return max(0.0, (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now_s)
