"""Reading server-sent events: bytes in, events out (the WHATWG standard, "Interpreting an event stream").

Lines end at CR, LF or both and nowhere else. `httpx`'s own lines also end at U+2028 and U+0085, which may stand inside
a JSON string.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

LONGEST_EVENT_BYTES = 4 * 2**20
"""A snapshot has about 20 kB; who sends more than this is not an appliance."""
_LINE_END = re.compile(rb"\r\n|\n|\r")


@dataclass(frozen=True)
class Event:
    """One event with its kind, its identity and its data."""

    kind: str
    id: str
    data: str


class EventTooLong(Exception):
    """An event is longer than a console will keep in memory."""


class EventReader:
    """Collects the bytes of one stream until an empty line ends the event; comments are dropped.

    An event that the stream broke off is never delivered, as the standard asks.
    """

    def __init__(self) -> None:
        """Begin at the start of a stream."""
        self._rest = b""
        self._kind = ""
        self._id = ""
        self._data: list[bytes] = []

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """Take the next bytes and yield the events that they complete; EventTooLong beyond the bound."""
        lines = _LINE_END.split(self._rest + chunk)
        # A CR at the very end may be half of a CR LF: it waits for the next bytes.
        if (self._rest + chunk).endswith(b"\r"):
            lines = [*lines[:-2], lines[-2] + b"\r"]
        self._rest = lines[-1]
        for line in lines[:-1]:
            event = self._line(line)
            if event is not None:
                yield event
        if len(self._rest) + sum(map(len, self._data)) > LONGEST_EVENT_BYTES:
            raise EventTooLong

    def _line(self, line: bytes) -> Event | None:
        if not line:
            return self._complete()
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"event":
            self._kind = value.decode(errors="replace")
        elif field == b"id" and b"\0" not in value:
            self._id = value.decode(errors="replace")
        elif field == b"data":
            self._data.append(value)
        return None

    def _complete(self) -> Event | None:
        kind, data = self._kind or "message", self._data
        self._kind, self._data = "", []
        return Event(kind, self._id, b"\n".join(data).decode(errors="replace")) if data else None
