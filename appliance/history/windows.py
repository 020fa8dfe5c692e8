"""Two windows of the history side by side: the one that ends now, and the one of the same length before it."""

from dataclasses import dataclass
from functools import cached_property

import sqlalchemy as sa

from appliance.history.reading import Names, Steps, Wanted, everything, load_recent, load_steps
from appliance.history.steps import KEPT_S, SHORTEST_S, start_of, step_for
from appliance.storage.admin_tables import history
from appliance.telemetry.slices import Slice

_FIRSTS = sa.select(
    *(sa.select(sa.func.min(history.c.at_s)).where(history.c.step_s == each).scalar_subquery() for each in KEPT_S)
)
"""The first step of each length."""


@dataclass(frozen=True)
class Windows:
    """Both windows, of whole steps; the step that is not over is the last of the later one."""

    now: Steps
    earlier: Steps
    now_s: float
    since_s: float
    length_s: float
    step_s: int
    began_s: float
    """When the history began: there is nothing to tell of what was before, not even that nothing happened."""

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
    def whole_s(self) -> float:
        """Return how much of the later window is over, and in the history."""
        return self.covered_s(self.since_s, self.since_s + self.length_s)

    @property
    def before_s(self) -> float:
        """Return how much of the earlier window is in the history."""
        return self.covered_s(self.since_s - self.length_s, self.since_s)

    def covered_s(self, from_s: float, until_s: float) -> float:
        """Return how much of a stretch of time is over, and in the history; a second at least."""
        return max(1.0, min(until_s, self.now_s) - max(from_s, self.began_s))


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
    # What processes told is read before anything is in the history.
    read_s = min((*earlier.slices, *now.slices), default=now_s)
    began_s = _began_s(connection)
    return Windows(now, earlier, now_s, since_s, length_s, step_s, read_s if began_s is None else began_s)


def _began_s(connection: sa.Connection) -> float | None:
    """Return when the history began, None for an empty one."""
    began_s, longer_s = None, None
    for step_s, first_s in sorted(zip(KEPT_S, connection.execute(_FIRSTS).one(), strict=True), reverse=True):
        # It began within its first day: shorter steps tell when, as long as their first ones are kept.
        if longer_s is None or (first_s is not None and start_of(first_s, longer_s) == began_s):
            began_s, longer_s = first_s, step_s
    return began_s
