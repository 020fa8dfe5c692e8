"""The last minutes of what a snapshot holds one figure of, collected while the console runs. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from appliance.admin.schema import Snapshot
from tui.naming import gpu_key

LENGTH = 150
"""Five minutes at one picture in two seconds."""
Trail = Sequence[float | None]


@dataclass(frozen=True)
class Trails:
    """Utilisation of each GPU by its key, oldest first; what was not read and when no picture came leaves a gap.

    A device that is gone is forgotten.
    """

    gpus: Mapping[str, Trail] = field(default_factory=dict)
    until_s: float | None = None
    """The appliance's time of the newest picture."""

    def with_snapshot(self, snapshot: Snapshot) -> "Trails":
        """Return the trails with one picture's figures more."""
        missing: Trail = (None,) * self._missing(snapshot)
        return Trails(
            {gpu_key(gpu): (*self._before(gpu_key(gpu), missing), gpu.utilisation)[-LENGTH:] for gpu in snapshot.gpus},
            snapshot.server_time_s,
        )

    def _before(self, key: str, missing: Trail) -> Trail:
        return (*self.gpus[key], *missing) if key in self.gpus else ()

    def _missing(self, snapshot: Snapshot) -> int:
        """Return how many pictures there would have been in between, none where a clock was set back."""
        if self.until_s is None or snapshot.interval_s <= 0:
            return 0
        passed = round((snapshot.server_time_s - self.until_s) / snapshot.interval_s)
        return min(LENGTH, max(0, passed - 1))
