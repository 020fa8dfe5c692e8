"""Which work an open target needs next, found from what is known about its job."""

from collections.abc import Collection

import sqlalchemy as sa

from appliance.jobs.items import NewItem, add_items, hear_key, translate_key
from appliance.jobs.states import OPEN_ITEM, Stage, TargetState
from appliance.storage.sets import among
from appliance.storage.tables import jobs, targets, work_items


def plan_targets(connection: sa.Connection, target_ids: Collection[str], now_s: float) -> None:
    """Add the work items that open targets need: translation where the source is known, else transcription.

    A job is transcribed once for all its targets. The caller holds the jobs.
    """
    if not target_ids:
        return
    rows = connection.execute(
        sa.select(
            targets.c.id,
            targets.c.job_id,
            targets.c.language,
            jobs.c.deadline_s,
            jobs.c.plan,
            jobs.c.priority,
            jobs.c.source["language"].as_string().label("heard"),
            jobs.c.audio["duration_s"].as_float().label("duration_s"),
        )
        .join(jobs, jobs.c.id == targets.c.job_id)
        .where(among(connection, targets.c.id, target_ids))
        .order_by(targets.c.job_id, targets.c.position)
    ).all()
    heard = [row for row in rows if row.heard is not None]
    if heard:
        connection.execute(
            sa.update(targets)
            .where(among(connection, targets.c.id, [row.id for row in heard]))
            .values(state=TargetState.TRANSLATING)
        )
    translations = [
        NewItem(
            job_id=row.job_id, target_id=row.id, stage=Stage.TRANSLATE, deadline_s=row.deadline_s, plan=row.plan,
            priority=row.priority, batch_key=translate_key(row.heard, row.language),
        )
        for row in heard
    ]  # fmt: skip
    unheard = {row.job_id: row for row in rows if row.heard is None}
    planned = _transcriptions_planned(connection, unheard)
    transcriptions = [
        NewItem(
            job_id=row.job_id, target_id=None, stage=Stage.TRANSCRIBE, deadline_s=row.deadline_s, plan=row.plan,
            priority=row.priority, batch_key=hear_key(row.duration_s),
        )
        for row in unheard.values()
        if row.job_id not in planned
    ]  # fmt: skip
    add_items(connection, [*translations, *transcriptions], now_s)


def _transcriptions_planned(connection: sa.Connection, job_ids: Collection[str]) -> set[str]:
    if not job_ids:
        return set()
    return set(
        connection.scalars(
            sa.select(work_items.c.job_id).where(
                among(connection, work_items.c.job_id, job_ids),
                work_items.c.target_id.is_(None),
                work_items.c.state.in_(OPEN_ITEM),
            )
        )
    )
