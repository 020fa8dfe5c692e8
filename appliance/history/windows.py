"""Two windows of the history side by side: the one that ends now, and the one of the same length before it."""

from dataclasses import dataclass
from functools import cached_property

import sqlalchemy as sa

from appliance.history.reading import Names, Steps, Wanted, everything, load_recent, load_steps
from appliance.history.steps import SHORTEST_S, start_of, step_for
from appliance.telemetry.slices import Slice


@dataclass(frozen=True)
class Windows:
    """Both windows, of whole steps; the step that is not over is the last of the later one."""

    now: Steps
    earlier: Steps
    now_s: float
    since_s: float
    length_s: float
    step_s: int

    @cached_property
    def whole(self) -> Slice | None:
        """Return the later window added up, once however many figures are asked for; None where nothing is."""
        return self.now.whole

    @cached_property
    def before(self) -> Slice | None:
        """Return the earlier window added up; None where nothing is."""
        return self.earlier.whole

    @property
    def names(self) -> Names:
        """Return every name of either."""
        return Names(*(a | b for a, b in zip(self.now.names, self.earlier.names, strict=True)))

    @property
    def so_far_s(self) -> float:
        """Return how much of the later window is over."""
        return max(1.0, self.now_s - self.since_s)


def load_windows(connection: sa.Connection, now_s: float, window_s: float, wanted: Wanted = everything) -> Windows:
    """Return a window that ends now and the one before, in the steps that they are kept in."""
    step_s = step_for(window_s)
    length_s = max(1, round(window_s / step_s)) * step_s
    since_s = start_of(now_s, step_s) + step_s - length_s
    now = (
        load_recent(connection, now_s, now_s - since_s, wanted)
        if step_s == SHORTEST_S
        else load_steps(connection, step_s, since_s, since_s + length_s, wanted)
    )
    earlier = load_steps(connection, step_s, since_s - length_s, since_s, wanted)
    return Windows(now, earlier, now_s, since_s, length_s, step_s)
