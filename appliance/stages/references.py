"""The speakers of the jobs in hand: embeddings and matched voices kept for as long as a few jobs, in memory only.

Every entry is keyed by owner and recording, so it can answer for nobody else, and is never written to disk: a one-job
voice leaves nothing behind.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from appliance.owner import Owner

KEPT_ENTRIES = 64


class References:
    """A small memory of what was computed from a recording's voice."""

    def __init__(self, kept_entries: int = KEPT_ENTRIES) -> None:
        """Keep at most this many entries, dropping the one not used for longest."""
        self._kept_entries = kept_entries
        self._entries: OrderedDict[tuple[str, ...], Any] = OrderedDict()
        self._lock = threading.Lock()

    def recall(self, owner: Owner, audio_sha256: str, what: str, compute: Callable[[], Any]) -> tuple[Any, bool]:
        """Return what was computed before for this owner's recording, or compute it; the flag says it was known."""
        key = (owner.application_id, owner.user_id, audio_sha256, what)
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
                return self._entries[key], True
        value = compute()
        with self._lock:
            self._entries[key] = value
            while len(self._entries) > self._kept_entries:
                self._entries.popitem(last=False)
        return value, False
