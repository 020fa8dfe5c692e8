"""A claimed item with the job it belongs to, and the ways in which its stage can end."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from appliance.errors import MeeshyError, StorageUnavailable
from appliance.jobs.claims import Stale, complete
from appliance.jobs.documents import Failure, JobDocument, TargetDocument
from appliance.jobs.items import ClaimedItem
from appliance.jobs.outcomes import end_target, fail_job
from appliance.jobs.query import load_job
from appliance.jobs.states import ItemState, TargetState
from appliance.stages.context import Context
from appliance.stages.progress import Progress, load_progress

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Work:
    """One item with what its stage needs to know."""

    item: ClaimedItem
    job: JobDocument
    target: TargetDocument | None
    progress: Progress

    @property
    def of(self) -> TargetDocument:
        """Return the target of an item that has one."""
        if self.target is None:
            raise LookupError(f"{self.item.stage} item without a target")
        return self.target


def load_work(context: Context, items: Sequence[ClaimedItem]) -> list[Work]:
    """Return the items with their jobs, in order."""
    with context.database.read() as connection:
        return [_load(connection, item) for item in items]


def fail(context: Context, work: Work, error: MeeshyError) -> None:
    """End the item's target, or its whole job for an item without one, with an error.

    A storage that is away is no failure of the item: StorageUnavailable is raised again, for the worker to pause.
    """
    if isinstance(error, StorageUnavailable):
        raise error
    log.info("%s of %s failed: %s", work.item.stage, work.item.job_id, error.code)
    reason = Failure(error.code, error.detail)
    try:
        with context.database.write() as connection:
            now_s = context.database.now_s(connection)
            complete(connection, work.item, ItemState.FAILED)
            if work.item.target_id is None:
                fail_job(connection, work.item.job_id, reason, now_s)
            else:
                end_target(connection, work.item.target_id, TargetState.FAILED, now_s, error=reason)
    except Stale:
        log.info("%s was taken over; its failure is not recorded here", work.item.id)


def _load(connection: sa.Connection, item: ClaimedItem) -> Work:
    job = load_job(connection, item.job_id)
    target = next((target for target in job.targets if target.id == item.target_id), None)
    progress = load_progress(connection, item.target_id) if item.target_id else Progress()
    return Work(item, job, target, progress)
