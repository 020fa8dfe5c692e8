"""What came of a batch of claimed items, written for all of them together.

The fence decides for each item by itself: what was still this worker's is written, what was not is dropped alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from appliance.cache.answers import Answer, keep
from appliance.jobs.claims import end_items
from appliance.jobs.documents import Failure, Source
from appliance.jobs.endings import Ending, end_targets, fail_jobs
from appliance.jobs.items import ClaimedItem, NewItem, add_items
from appliance.jobs.locks import hold_jobs, hold_jobs_and_followers, hold_targets
from appliance.jobs.lookups import Lookup, note_lookups
from appliance.jobs.planning import plan_targets
from appliance.jobs.states import OPEN_TARGET, ItemState, JobState, TargetState
from appliance.storage.sets import among, update_rows
from appliance.storage.tables import jobs, targets


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of one item; all of it is written, or nothing where the lease was lost."""

    item: ClaimedItem
    source: Source | None = None
    """What was heard in the job's recording; every open language that is computed then needs its translation."""
    target: Mapping[str, Any] = field(default_factory=dict)
    """Columns of the target's row."""
    answers: Sequence[Answer] = ()
    """To be kept for the owner."""
    lookups: Sequence[Lookup] = ()
    """What was looked for in the second cache level, to be counted with the rest."""
    following: NewItem | None = None
    """The work that this item leads to."""
    ending: Ending | None = None
    """The end of the item's target."""
    failure: Failure | None = None
    """Why the item's target, or its whole job where it has none, ends without a result."""


def write_outcomes(connection: sa.Connection, outcomes: Sequence[Outcome], now_s: float) -> set[str]:
    """Write the outcomes of items that are still held, in this transaction, and return the ids of these items."""
    job_ids = {outcome.item.job_id for outcome in outcomes}
    ends = any(outcome.ending or outcome.failure for outcome in outcomes)
    (hold_jobs_and_followers if ends else hold_jobs)(connection, job_ids)
    hold_targets(connection, job_ids)
    failing = [outcome.item for outcome in outcomes if outcome.failure]
    passing = [outcome.item for outcome in outcomes if not outcome.failure]
    held = end_items(connection, passing, ItemState.DONE) | end_items(connection, failing, ItemState.FAILED)
    written = [outcome for outcome in outcomes if outcome.item.id in held]
    _update_targets(connection, written)
    for outcome in written:
        note_lookups(connection, outcome.lookups)
    # Under the fence: a job that was deleted meanwhile leaves nothing behind.
    keep(connection, [answer for outcome in written for answer in outcome.answers], now_s)
    _write_sources(connection, {outcome.item.job_id: outcome.source for outcome in written if outcome.source}, now_s)
    add_items(connection, [outcome.following for outcome in written if outcome.following], now_s)
    end_targets(connection, [ending for outcome in written if (ending := _ending(outcome))], now_s)
    whole_jobs = {o.item.job_id: o.failure for o in written if o.failure and o.item.target_id is None}
    fail_jobs(connection, whole_jobs, now_s)
    return held


def _update_targets(connection: sa.Connection, written: Sequence[Outcome]) -> None:
    """Write the targets' columns, in one statement for all that write the same ones."""
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for outcome in written:
        if outcome.target:
            row = {"id": outcome.item.target_id, **outcome.target}
            alike.setdefault(tuple(sorted(outcome.target)), []).append(row)
    for rows in alike.values():
        update_rows(connection, targets, rows)


def _write_sources(connection: sa.Connection, sources: Mapping[str, Source], now_s: float) -> None:
    if not sources:
        return
    rows = [{"id": job_id, "source": source, "state": JobState.RUNNING} for job_id, source in sources.items()]
    update_rows(connection, jobs, rows)
    computed = connection.scalars(
        sa.select(targets.c.id).where(
            among(connection, targets.c.job_id, sources),
            targets.c.state.in_(OPEN_TARGET),
            targets.c.follows_id.is_(None),
        )
    ).all()
    plan_targets(connection, computed, now_s)


def _ending(outcome: Outcome) -> Ending | None:
    if outcome.failure and outcome.item.target_id is not None:
        return Ending(outcome.item.target_id, TargetState.FAILED, error=outcome.failure)
    return outcome.ending
