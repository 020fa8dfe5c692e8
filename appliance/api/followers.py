"""Who follows this process: so many streams in all and fewer with one key, so that a script leaves room for people."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from appliance.errors import Overloaded, RateLimited

MOST_STREAMS = 50
"""Of one process; each costs a task and 10 kB/s."""
MOST_OF_KEY = 5
"""The consoles of one person, and those that a broken connection has not let go of yet."""
RETRY_S = 10.0


class Followers:
    """Counts streams by the key that they were opened with; used from the event loop only, so it needs no lock."""

    def __init__(self) -> None:
        """Nobody follows yet."""
        self._streams: Counter[str] = Counter()

    @property
    def streams(self) -> int:
        """Return how many there are."""
        return self._streams.total()

    def make_room(self, key_id: str) -> None:
        """Raise Overloaded, or RateLimited for a key that has enough of them, where there is no room for another."""
        if self._streams[key_id] >= MOST_OF_KEY:
            raise RateLimited(f"{MOST_OF_KEY} consoles follow this process with this key.", retry_after_s=RETRY_S)
        if self.streams >= MOST_STREAMS:
            raise Overloaded("Too many consoles follow this process.", retry_after_s=RETRY_S)

    @contextmanager
    def one_more(self, key_id: str) -> Iterator[None]:
        """Count a stream until the block ends."""
        self._streams[key_id] += 1
        try:
            yield
        finally:
            self._streams[key_id] -= 1
            self._streams += Counter()  # keys that follow no more are forgotten
