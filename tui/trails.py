"""The last minutes of what a snapshot holds one figure of, collected while the console runs."""

from collections import deque
from collections.abc import Mapping, Sequence

from appliance.admin.schema import Snapshot
from tui.naming import gpu_key

LENGTH = 150
"""Five minutes at one picture in two seconds."""
Trail = Sequence[float | None]


class Trails:
    """Utilisation of each GPU, oldest first; what was not read leaves a gap, a device that is gone is forgotten."""

    def __init__(self) -> None:
        """Begin empty."""
        self._gpus: dict[str, deque[float | None]] = {}

    def note(self, snapshot: Snapshot) -> None:
        """Add one picture's figures."""
        present = {gpu_key(gpu): gpu.utilisation for gpu in snapshot.gpus}
        for gone in self._gpus.keys() - present.keys():
            del self._gpus[gone]
        for key, utilisation in present.items():
            self._gpus.setdefault(key, deque(maxlen=LENGTH)).append(utilisation)

    @property
    def gpus(self) -> Mapping[str, Trail]:
        """Return utilisation ratios by the device's key."""
        return {key: tuple(trail) for key, trail in self._gpus.items()}
