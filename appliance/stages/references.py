"""The speakers of the jobs in hand: embeddings and matched voices kept for as long as a few jobs, in memory only.

Every entry is keyed by owner and recording, so it can answer for nobody else, and is never written to disk: a one-job
voice leaves nothing behind. None grows old: what somebody's voice sounds like is needed while their jobs run.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

from appliance.clock import Clock, SystemClock
from appliance.owner import Owner

KEPT_ENTRIES = 64
KEPT_S = 600.0
"""From its making: a job's languages and readings, and the same recording sent again in another format, come sooner."""


class _Entry(NamedTuple):
    value: Any
    until_s: float


class References:
    """A small memory of what was computed from a recording's voice."""

    def __init__(
        self, kept_entries: int = KEPT_ENTRIES, kept_s: float = KEPT_S, clock: Clock | None = None
    ) -> None:  # fmt: skip
        """Keep at most this many entries, dropping the one not used for longest, and none longer than `kept_s`."""
        self._kept_entries = kept_entries
        self._kept_s = kept_s
        self._clock = clock or SystemClock()
        self._entries: OrderedDict[tuple[str, ...], _Entry] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """Return how many entries are kept."""
        return len(self._entries)

    def recall(self, owner: Owner, audio_sha256: str, what: str, compute: Callable[[], Any]) -> tuple[Any, bool]:
        """Return what was computed before for this owner's recording, or compute it; the flag says it was known."""
        key = (owner.application_id, owner.user_id, audio_sha256, what)
        self.forget_old()
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
                return self._entries[key].value, True
        value = compute()
        with self._lock:
            self._entries[key] = _Entry(value, self._clock.monotonic_s() + self._kept_s)
            while len(self._entries) > self._kept_entries:
                self._entries.popitem(last=False)
        return value, False

    def forget_old(self) -> None:
        """Drop what is older than it may be; whoever finds nothing to do calls it, since nobody else may come."""
        now_s = self._clock.monotonic_s()
        with self._lock:
            for key in [key for key, entry in self._entries.items() if entry.until_s <= now_s]:
                del self._entries[key]
