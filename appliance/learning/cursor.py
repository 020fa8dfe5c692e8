"""Where a page of the history ended, as a text that callers hand back unread."""

import base64
import binascii
import math

import msgspec

from appliance.errors import InvalidRequest

CURSOR_MAX = 200
_REFUSAL = "That is not a cursor of this list; take next_cursor as it came."


class Position(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The last job of a page. It names a place, not a right: whose jobs are listed never follows from it."""

    accepted_s: float
    job_id: str


def cursor_of(position: Position) -> str:
    """Return the position as a cursor; floats keep all their digits."""
    return base64.urlsafe_b64encode(msgspec.json.encode(position)).decode().rstrip("=")


def position_of(cursor: str) -> Position:
    """Return the position that a cursor stands for, or raise InvalidRequest."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        position = msgspec.json.decode(base64.b64decode(padded, altchars=b"-_", validate=True), type=Position)
    except (UnicodeError, binascii.Error, msgspec.DecodeError, RecursionError) as error:
        raise InvalidRequest(_REFUSAL) from error
    if not math.isfinite(position.accepted_s) or "\x00" in position.job_id:
        raise InvalidRequest(_REFUSAL)
    return position
