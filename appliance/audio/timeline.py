"""Where each decoded piece belongs, and which stretches of a recording are missing.

Pure bookkeeping in seconds. A damaged file gives fewer pieces than it should; their timestamps and the declared length
tell where the others were. Timestamps of a damaged file may lie too, so a jump is believed only as far as the recording
can reach, and one that goes back starts the count anew.
"""

from dataclasses import dataclass, field

from appliance.audio.decoded import MISSING_RANGES_MAX

HOLES_MAX = 1000
"""More holes than any usable recording has; bounds the work on a hostile one."""

JITTER_S = 0.1
"""Recorders in browsers and phones stamp packets up to some tens of milliseconds off; that is no damage."""

JITTER_AFTER_DAMAGE_S = 0.01
"""Half of the shortest usual packet (20 ms): after a bad packet a hole of one packet is a hole."""

END_TOLERANCE_S = 0.15
"""Encoder delay and padding make sound up to some 0.1 s shorter than headers declare (AAC 46 ms, MP3 52 ms)."""


@dataclass(slots=True)
class Timeline:
    """Places pieces one after another; `reach_s` is the longest that the recording can possibly be."""

    reach_s: float
    starts_at_zero: bool = False
    """Whether the format numbers its samples from 0, so that a later first piece shows a missing beginning."""
    content_s: float = 0.0
    """Length of all pieces so far, without holes."""
    holes: list[tuple[float, float]] = field(default_factory=list)
    """(content before the hole, length of the hole), in order."""
    _holes_s: float = 0.0
    _origin_s: float | None = None

    @property
    def placed_s(self) -> float:
        """Return the length of all pieces and holes so far."""
        return self.content_s + self._holes_s

    def place(self, stamp_s: float | None, length_s: float, after_damage: bool = False, lost_s: float = 0.0) -> bool:
        """Add a piece and return whether there is a hole before it.

        A piece without a stamp follows the one before it, with `lost_s` seconds between them.
        """
        hole_s = lost_s if stamp_s is None else self._hole_before(stamp_s, after_damage)
        if hole_s > 0 and len(self.holes) < HOLES_MAX:
            self.holes.append((self.content_s, hole_s))
            self._holes_s += hole_s
        self.content_s += length_s
        return hole_s > 0

    def settle(self) -> None:
        """Shorten the longest holes until the whole fits into the recording's reach.

        A damaged timestamp can claim a hole that was never there, which shows in being longer than the recording: such
        a hole goes. An estimated hole that is a little too long is only trimmed.
        """
        while self.holes and (excess_s := self.placed_s - self.reach_s) > 0:
            index = max(range(len(self.holes)), key=lambda at: self.holes[at][1])
            content_s, length_s = self.holes.pop(index)
            self._holes_s -= length_s
            if excess_s < length_s / 2:
                self.holes.insert(index, (content_s, length_s - excess_s))
                self._holes_s += length_s - excess_s
                return

    def missing(self, declared_s: float | None, damaged: bool) -> list[tuple[float, float]]:
        """Return all missing stretches, the end included where less was placed than the recording declares."""
        found: list[tuple[float, float]] = []
        shift_s = 0.0
        for content_s, length_s in self.holes:
            found.append((content_s + shift_s, content_s + shift_s + length_s))
            shift_s += length_s
        tolerance_s = END_TOLERANCE_S / 3 if damaged else END_TOLERANCE_S
        if declared_s is not None and declared_s - self.placed_s > tolerance_s:
            found.append((self.placed_s, declared_s))
        return _few(found)

    def _hole_before(self, stamp_s: float, after_damage: bool) -> float:
        if self._origin_s is None:
            from_zero = (self.starts_at_zero or after_damage) and 0 <= stamp_s < self.reach_s
            self._origin_s = 0.0 if from_zero else stamp_s
        drift_s = stamp_s - self._origin_s - self.placed_s
        if drift_s < -JITTER_S or self.placed_s + drift_s > self.reach_s:
            self._origin_s = stamp_s - self.placed_s
            return 0.0
        return drift_s if drift_s > (JITTER_AFTER_DAMAGE_S if after_damage else JITTER_S) else 0.0


def _few(ranges: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return ranges with those that touch joined, and at most MISSING_RANGES_MAX by stretching the last."""
    joined: list[tuple[float, float]] = []
    for start_s, end_s in ranges:
        if joined and (len(joined) >= MISSING_RANGES_MAX or start_s - joined[-1][1] < 1e-6):
            joined[-1] = (joined[-1][0], end_s)
        else:
            joined.append((start_s, end_s))
    return joined
