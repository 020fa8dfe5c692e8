"""Places in the backlog of uploads that are still being decoded, as one process keeps them.

They are counted as the jobs are that they will become; the caller sees to it that one thread at a time does so.
"""

from typing import NamedTuple

from appliance.jobs.backlog import Backlog
from appliance.jobs.fleet import Work
from appliance.jobs.outlook import Asked

KEPT_S = 30.0
"""Longer than decoding may take, and short enough for what a thread that was given up has left."""


class _Place(NamedTuple):
    asked: Asked
    deadline_s: float
    work: Work
    until_s: float


class Places:
    """The places of a process's uploads, each counted in the newest backlog."""

    def __init__(self) -> None:
        """Begin with none."""
        self._of: dict[str, _Place] = {}

    def add(self, upload: str, asked: Asked, work: Work, now_s: float, backlog: Backlog) -> None:
        """Keep a place for an upload, instead of the one that it may have."""
        self.free(upload, backlog)
        place = _Place(asked, now_s + asked.budget_s, work, now_s + KEPT_S)
        self._of[upload] = place
        _count(place, backlog)

    def free(self, upload: str, backlog: Backlog) -> Asked | None:
        """Take an upload's place out of the backlog and return what it was kept for, None where there is none."""
        place = self._of.pop(upload, None)
        if place is None:
            return None
        backlog.remove_job(place.asked.priority, place.asked.audio_s, place.deadline_s, place.work)
        return place.asked

    def take(self, backlog: Backlog, now_s: float) -> None:
        """Count all places in a backlog that was just read; those that were left behind end here."""
        self._of = {upload: place for upload, place in self._of.items() if now_s < place.until_s}
        for place in self._of.values():
            _count(place, backlog)


def _count(place: _Place, backlog: Backlog) -> None:
    backlog.add_job(place.asked.priority, place.asked.audio_s, place.deadline_s, place.work)
