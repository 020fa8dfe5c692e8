"""One job as who operates the appliance may see it: lengths, languages and figures, never a text."""

from typing import Any

import sqlalchemy as sa

from appliance.admin.ages import age_s, ago_s
from appliance.admin.dead_letters import is_dead
from appliance.admin.page_types import JobDetail, Language, Step
from appliance.errors import NotFound
from appliance.jobs.states import FINAL_JOB, ItemState
from appliance.storage.tables import applications, jobs, targets, work_items

MOST_STEPS = 200


def load_job_detail(connection: sa.Connection, now_s: float, job_id: str) -> JobDetail:
    """Return a job, whoever owns it, or raise NotFound."""
    row = connection.execute(_job().where(jobs.c.id == job_id)).first()
    if row is None:
        raise NotFound("There is no such job.")
    ended = row.state in FINAL_JOB
    return JobDetail(
        server_time_s=now_s,
        job_id=row.id,
        state=row.state,
        application=row.name or "",
        plan=row.plan,
        priority=row.priority,
        accepted_s=row.accepted_s,
        accepted_ago_s=age_s(row.accepted_s, now_s),
        finished_ago_s=ago_s(row.finished_s, now_s),
        sla_s=row.sla_s,
        eta_s=row.eta_s,
        slack_s=None if ended else round(row.deadline_s - now_s, 3),
        audio_s=row.audio_s,
        source_language=row.source_language,
        source_characters=row.source_characters,
        recording_kept=bool(row.pcm),
        languages=_languages(connection, job_id, now_s),
        steps=_steps(connection, job_id, now_s),
        error=row.code,
        retried_as=row.retried_as,
        can_cancel=not ended,
        can_retry=is_dead(connection, job_id),
    )


def _job() -> sa.Select:
    return sa.select(
        jobs.c.id, jobs.c.state, jobs.c.plan, jobs.c.priority, jobs.c.accepted_s, jobs.c.finished_s, jobs.c.deadline_s,
        jobs.c.sla_s, jobs.c.eta_s, jobs.c.audio_s, jobs.c.retried_as, applications.c.name,
        jobs.c.error["code"].as_string().label("code"), jobs.c.audio["pcm"].as_string().label("pcm"),
        jobs.c.source["language"].as_string().label("source_language"),
        # Counted by the database: the text itself is not even read.
        sa.func.length(jobs.c.source["text"].as_string()).label("source_characters"),
    ).join(applications, applications.c.id == jobs.c.application_id, isouter=True)  # fmt: skip


def _languages(connection: sa.Connection, job_id: str, now_s: float) -> tuple[Language, ...]:
    receipt = targets.c.spoken["receipt"]
    rows = connection.execute(
        sa.select(
            targets.c.language, targets.c.state, targets.c.cached, targets.c.finished_s,
            targets.c.spoken["duration_s"].as_float().label("spoken_s"),
            targets.c.spoken["voice_kind"].as_string().label("voice"),
            receipt["wer"].as_float().label("wer"), receipt["similarity"].as_float().label("similarity"),
            targets.c.error["code"].as_string().label("code"),
            sa.func.length(targets.c.translation["text"].as_string()).label("characters"),
        )
        .where(targets.c.job_id == job_id)
        .order_by(targets.c.position)
    )  # fmt: skip
    return tuple(
        Language(
            language=row.language,
            state=row.state,
            cached=bool(row.cached),
            spoken_s=row.spoken_s,
            characters=row.characters,
            voice=row.voice,
            wer=row.wer,
            similarity=row.similarity,
            error=row.code,
            finished_ago_s=ago_s(row.finished_s, now_s),
        )
        for row in rows
    )


def _steps(connection: sa.Connection, job_id: str, now_s: float) -> tuple[Step, ...]:
    rows = connection.execute(
        sa.select(work_items, targets.c.language)
        .join(targets, targets.c.id == work_items.c.target_id, isouter=True)
        .where(work_items.c.job_id == job_id)
        .order_by(work_items.c.created_s, work_items.c.id)
        .limit(MOST_STEPS)
    )
    return tuple(_step(row, now_s) for row in rows)


def _step(row: Any, now_s: float) -> Step:
    held = row.state == ItemState.CLAIMED
    return Step(
        item_id=row.id,
        stage=row.stage,
        state=row.state,
        target_language=row.language,
        attempts=row.attempts,
        created_ago_s=age_s(row.created_s, now_s),
        waited_s=None if row.claimed_s is None else round(max(0.0, row.claimed_s - row.created_s), 3),
        worker_id=row.worker_id,
        lease_s=round(row.lease_until_s - now_s, 3) if held and row.lease_until_s is not None else None,
    )
