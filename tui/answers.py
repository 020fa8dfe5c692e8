"""What an appliance's refusals over HTTP mean, in sentences for a person; for `http_source.py` alone."""

import msgspec

from tui.source import Conflict, Refused, SourceError, Unanswered
from tui.wire import Unreadable, decoded

UNSURE = ("storage_unavailable", "")
"""Codes of a 503 that may come after a part was done: the database went before the end of it, or a proxy speaks."""


class Missing(SourceError):
    """The appliance has nothing at that address."""


class Busy(SourceError):
    """The appliance asks to come back later."""

    def __init__(self, sentence: str, retry_after_s: float) -> None:
        """Keep how long it asks to wait, in seconds."""
        super().__init__(sentence)
        self.retry_after_s = retry_after_s


class Problem(msgspec.Struct):
    """The members of a problem document that are shown."""

    detail: str = ""
    code: str = ""


def failure_of(status: int, body: bytes, retry_after: str | None = None) -> SourceError:
    """Return what an answer that is no success means."""
    try:
        problem = decoded(body, Problem)
    except Unreadable:
        problem = Problem()
    said = problem.detail or f"the appliance answered {status}"
    match status:
        case 401:
            return Refused(f"401: {said} Put a valid key in its file, then press r.")
        case 403:
            return Refused(f"403: {said}")
        case 404:
            return Missing(said)
        case 409:
            return Conflict(said)
        case 503 if problem.code in UNSURE:
            return Unanswered(said, _seconds(retry_after))
        case 429 | 503:
            return Busy(said, _seconds(retry_after))
        case 500 | 502 | 504:
            return Unanswered(f"{status}: {said}", _seconds(retry_after))
        case _:
            return SourceError(f"{status}: {said}")


def _seconds(retry_after: str | None) -> float:
    return float(retry_after) if retry_after and retry_after.isdecimal() else 0.0
