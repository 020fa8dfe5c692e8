"""How long scripted engines take, without using the processor, as an engine on a GPU does.

A batch takes `first_s` and `further_s` for each item after the first, so that what batching gains can be said in two
numbers. An engine loads when it is warmed, or else at its first batch.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from appliance.errors import CommandFailed

PACED = ("hear", "translate", "synthesize")
"""The families of work that have an engine."""

Begins = Callable[[str, int], object]
"""Is told the family and the size of every batch when an engine begins it."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long an engine takes for a batch: for its first item, and for each further one."""

    first_s: float = 0.0
    further_s: float = 0.0

    def batch_s(self, count: int) -> float:
        """Return the seconds that a batch of so many items takes."""
        return self.first_s + self.further_s * (count - 1) if count else 0.0


def pace_of(text: str) -> tuple[str, Pace]:
    """Return the family and pace that `family=first+further` names, in seconds; CommandFailed where it is wrong."""
    family, _, seconds = text.partition("=")
    first, _, further = seconds.partition("+")
    try:
        pace = Pace(float(first), float(further or 0.0))
    except ValueError:
        raise CommandFailed(
            f"'{text}' is no pace: a family, '=', seconds, '+', seconds for each further item."
        ) from None
    if family not in PACED:
        raise CommandFailed(f"'{family}' has no engine; there are: {', '.join(PACED)}.")
    return family, pace


class Timing:
    """One engine's time: loads once, then takes what its pace says, and tells when each batch begins."""

    def __init__(
        self, family: str, pace: Pace, load_s: float = 0.0, begins: Begins = lambda family, count: None
    ) -> None:
        """Take this pace for a family's batches."""
        self._family, self._pace, self._unloaded_s, self._begins = family, pace, load_s, begins

    def load(self) -> None:
        """Load what is not loaded yet."""
        load_s, self._unloaded_s = self._unloaded_s, 0.0
        time.sleep(load_s)

    def take(self, count: int) -> None:
        """Return when a batch of so many items is done."""
        self._begins(self._family, count)
        self.load()
        time.sleep(self._pace.batch_s(count))
