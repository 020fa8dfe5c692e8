"""Who can be rung: the living workers with the families of work they take, looked up at most once a second."""

from collections.abc import Mapping

from appliance.clock import Clock
from appliance.jobs.registry import CapabilityReader

FRESH_S = 1.0


class Listeners:
    """Call it for the families by worker id; used by one thread."""

    def __init__(self, workers: CapabilityReader, clock: Clock) -> None:
        """Look the workers up here."""
        self._workers, self._clock = workers, clock
        self._known: Mapping[str, frozenset[str]] = {}
        self._until_s = float("-inf")

    def __call__(self) -> Mapping[str, frozenset[str]]:
        """Return the families of each living worker; one that started in the last second may be missing."""
        if self._clock.monotonic_s() >= self._until_s:
            self._known = self._workers.families()
            self._until_s = self._clock.monotonic_s() + FRESH_S
        return self._known
