"""Sentences that several workers miss at the same time: one translates them, the others wait a moment for it.

Only where the cache is beside the database, which is where hosts share one: there a lease is a round trip in memory. As
rows of the database, leases would cost a transaction, more than translating the sentence a second time.
"""

import secrets
import time
from collections.abc import Callable, Sequence

from appliance.cache.kinds import Kind
from appliance.stages.context import Context
from appliance.stages.sentence_memory import KnownSentence, Wanted, of_owner, own_sentence

LEASE_S = 5.0
"""Far longer than translating a batch takes; who dies with a lease holds others up for their bounded wait alone."""
PAUSES_S = (0.02, 0.04, 0.08, 0.16, 0.3)
"""Between looks for what another worker translates; after the last one it is translated here too."""


class SharedWork:
    """One batch's part of what several workers want; the lease on a sentence ends when its translation is kept."""

    def __init__(
        self, context: Context, wanted: Sequence[Wanted], pause: Callable[[float], None] = time.sleep
    ) -> None:  # fmt: skip
        """Take the leases on these unknown sentences that nobody has."""
        self._cache, self._pause = context.cache, pause
        keys = {key for each in wanted for key in of_owner(each)}
        self._mine = self._cache.lease(keys, secrets.token_hex(8), LEASE_S) if self._cache.beside and keys else keys

    def elsewhere(self, wanted: Wanted) -> frozenset[str]:
        """Return which of these sentences another worker translates at this moment."""
        return frozenset(text for key, text in of_owner(wanted).items() if key not in self._mine)

    def waited_for(self, wanted: Sequence[Wanted]) -> list[dict[str, KnownSentence]]:
        """Return what others have translated meanwhile or within a bounded time, sentence by sentence."""
        texts = [of_owner(each) for each in wanted]
        missing = {key for of_one in texts for key in of_one}
        found: dict[str, KnownSentence] = {}
        for pause_s in PAUSES_S if missing else ():
            self._pause(pause_s)
            values = self._cache.recall(Kind.TRANSLATION, missing)
            found |= {key: own_sentence(value) for key, value in values.items()}
            missing -= values.keys()
            if not missing:
                break
        return [{text: found[key] for key, text in of_one.items() if key in found} for of_one in texts]
