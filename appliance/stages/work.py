"""Claimed items with the jobs they belong to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa

from appliance.cache.answers import Answer
from appliance.jobs.documents import JobDocument, TargetDocument
from appliance.jobs.items import ClaimedItem, NewItem
from appliance.jobs.query import load_jobs
from appliance.jobs.states import FINAL_TARGET, Stage
from appliance.stages.context import Context
from appliance.stages.progress import Progress
from appliance.storage.sets import among
from appliance.storage.tables import targets


@dataclass(frozen=True)
class Work:
    """One item with what its stage needs to know."""

    item: ClaimedItem
    job: JobDocument
    target: TargetDocument | None
    progress: Progress
    result_key: str
    """Under which the target's result is kept; empty for an item without a target."""

    @property
    def of(self) -> TargetDocument:
        """Return the target of an item that has one."""
        if self.target is None:
            raise LookupError(f"{self.item.stage} item without a target")
        return self.target

    def next(self, stage: Stage, batch_key: str, payload: dict[str, Any] | None = None) -> NewItem:
        """Return the item that follows this one for its target, as urgent as this one."""
        return NewItem(
            job_id=self.job.id, target_id=self.of.id, stage=stage, batch_key=batch_key,
            deadline_s=self.item.deadline_s, plan=self.job.plan, priority=self.job.priority,
            payload=payload or {},
        )  # fmt: skip

    def answer(self, key: str, kind: str, value: object, lasts_s: float) -> Answer:
        """Return an answer to be kept for the job's owner."""
        return Answer(key, self.job.owner, kind, value, lasts_s, self.job.id)


def load_work(context: Context, items: Sequence[ClaimedItem]) -> list[Work]:
    """Return the items with their jobs, in order; one whose job is deleted or whose target has ended is left out."""
    with context.database.read() as connection:
        jobs = load_jobs(connection, {item.job_id for item in items})
        rows = connection.execute(
            sa.select(targets.c.id, targets.c.result_key, targets.c.progress).where(
                among(connection, targets.c.id, {item.target_id for item in items if item.target_id})
            )
        ).all()
    of_targets = {row.id: row for row in rows}
    works = [
        _work(item, jobs[item.job_id], of_targets.get(item.target_id or "")) for item in items if item.job_id in jobs
    ]
    return [work for work in works if work.target is None or work.target.state not in FINAL_TARGET]


def _work(item: ClaimedItem, job: JobDocument, row: sa.Row | None) -> Work:
    target = next((target for target in job.targets if target.id == item.target_id), None)
    if row is None:
        return Work(item, job, target, Progress(), "")
    progress = Progress() if row.progress is None else msgspec.convert(row.progress, Progress)
    return Work(item, job, target, progress, row.result_key)
