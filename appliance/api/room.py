"""Memory for uploads: what all requests together may hold, so that many large bodies cannot exhaust the machine."""

from collections.abc import Iterator
from contextlib import contextmanager

from appliance.errors import Overloaded

TOTAL_BYTES = 512 * 1024 * 1024


class Held:
    """What one request holds."""

    def __init__(self, room: "Room") -> None:
        self._room = room
        self.bytes_held = 0

    def grow(self, more_bytes: int) -> None:
        """Take more of the room, or raise Overloaded."""
        self._room.take(more_bytes)
        self.bytes_held += more_bytes


class Room:
    """A budget of bytes; used from the event loop only, so it needs no lock."""

    def __init__(self, total_bytes: int = TOTAL_BYTES) -> None:
        """Start with everything free."""
        self.free_bytes = total_bytes

    @contextmanager
    def held(self) -> Iterator[Held]:
        """Yield one request's share and give it back at the end."""
        share = Held(self)
        try:
            yield share
        finally:
            self.free_bytes += share.bytes_held

    def take(self, more_bytes: int) -> None:
        """Reduce what is free, or raise Overloaded where that much is not."""
        if more_bytes > self.free_bytes:
            raise Overloaded("Too many large uploads at once.", retry_after_s=2)
        self.free_bytes -= more_bytes
