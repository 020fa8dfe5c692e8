"""From bytes of an appliance to the console's types, and the one place where foreign text is made safe to draw."""

from typing import Any, TypeVar

import msgspec

from appliance.admin import schema
from tui.versions import Incomplete, compared, missing_of, unreadable_version

T = TypeVar("T")

_SPACE = {ord(sign): " " for sign in "\t\n\r\u2028\u2029"}
_CONTROL = dict.fromkeys((*range(32), *range(127, 160)), "?")
_DIRECTION = dict.fromkeys((8206, 8207, *range(8234, 8239), *range(8294, 8298)), "?")
_SAFE = {**_CONTROL, **_DIRECTION, **_SPACE}
"""What moves a terminal's cursor, turns the direction of writing, or ends a line."""


class Unreadable(Exception):
    """The bytes are not what was asked for."""


class OtherVersion(Exception):
    """The appliance's snapshots are of another major version than this console reads."""


class _Head(msgspec.Struct):
    schema: str


def decoded(body: bytes, kind: type[T]) -> T:
    """Return bytes of JSON as a type of the schema; Unreadable or OtherVersion where they are none.

    Fields that the console does not know are ignored; a picture without whole parts is an Incomplete one. Control
    characters in any text are replaced: an escape sequence in a name must not reach the terminal of the person who
    looks at it.
    """
    version = schema.SCHEMA
    try:
        if kind is schema.Snapshot:
            version = _safe(msgspec.json.decode(body, type=_Head).schema)
            _check_major(version)
        document = _safe(msgspec.json.decode(body))
        if kind is schema.Snapshot and (missing := missing_of(document)):
            return msgspec.convert({**document, "not_told": missing}, type=Incomplete)
        return msgspec.convert(document, type=kind)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError, RecursionError) as failure:
        if version != schema.SCHEMA:
            raise OtherVersion(unreadable_version(version)) from failure
        raise Unreadable(str(failure)) from failure


def _check_major(version: str) -> None:
    above = compared(version)
    if above is None or above[0]:
        raise OtherVersion(unreadable_version(version))


def _safe(value: Any) -> Any:
    if isinstance(value, str):
        return value if value.isascii() and value.isprintable() else value.translate(_SAFE)
    if isinstance(value, list):
        return [_safe(each) for each in value]
    if isinstance(value, dict):
        return {_safe(name): _safe(each) for name, each in value.items()}
    return value
