"""What became of a load: how much was done in time, how late the latest was, how long the important ones took."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from appliance.storage.database import Database
from appliance.storage.tables import jobs
from tests.chaos.open_loop import Answer, Heard


@dataclass(frozen=True)
class Done:
    """An accepted note at its end."""

    answer: Answer
    state: str
    accepted_s: float
    finished_s: float
    deadline_s: float

    @property
    def share(self) -> float:
        """How much of its time it took: above 1 it was late."""
        return (self.finished_s - self.accepted_s) / (self.deadline_s - self.accepted_s)

    @property
    def took_s(self) -> float:
        """From the moment its sender sent it."""
        return self.finished_s - self.answer.sent_s


@dataclass(frozen=True)
class Reckoning:
    """One phase of a load."""

    heard: Heard
    done: Sequence[Done]
    seconds: float

    @property
    def goodput_hz(self) -> float:
        """Notes a second that were done in time while the load lasted."""
        first_s = min(answer.sent_s for answer in self.heard.answers)
        in_time = [done for done in self.done if done.share <= 1.0 and done.finished_s <= first_s + self.seconds]
        return len(in_time) / self.seconds

    @property
    def latest_share(self) -> float:
        return max((done.share for done in self.done), default=0.0)

    def took_s(self, *plans: str) -> list[float]:
        return [done.took_s for done in self.done if done.answer.note.plan in plans]

    def refusals_s(self) -> list[float]:
        return [answer.took_s for answer in self.heard.refused]

    def shares_accepted(self) -> dict[str, float]:
        offered = Counter(answer.note.plan for answer in self.heard.answers)
        accepted = Counter(answer.note.plan for answer in self.heard.accepted)
        return {plan: round(accepted[plan] / offered[plan], 3) for plan in sorted(offered)}

    def codes(self) -> dict[str, int]:
        return dict(Counter(answer.code or "accepted" for answer in self.heard.answers))


def reckon(database: Database, heard: Heard, seconds: float) -> Reckoning:
    """Return what the rows say about what the clients heard; cancelled and deleted notes are left out."""
    with database.read() as connection:
        rows = {row.id: row for row in connection.execute(sa.select(jobs).where(jobs.c.state == "done"))}
    done = [
        Done(answer, row.state, row.accepted_s, row.finished_s, row.deadline_s)
        for answer in heard.accepted
        if (row := rows.get(answer.job_id)) is not None
    ]
    return Reckoning(heard, done, seconds)


def quantile(values: Iterable[float], share: float) -> float:
    """Return what that share of the values stays below, 0.0 for none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0
