"""Targets that have just ended, as usage and events read them: one query for all of a transaction."""

from collections.abc import Collection, Iterable, Mapping, Sequence

import sqlalchemy as sa

from appliance.jobs.states import FINAL_TARGET, TargetState
from appliance.storage.sets import among
from appliance.storage.tables import jobs, targets

Siblings = Mapping[str, Sequence[sa.Row]]
"""Per job, its targets in their order: id, position, state, follows_id, cached."""


def ended_targets(connection: sa.Connection, target_ids: Collection[str]) -> Sequence[sa.Row]:
    """Return these targets with what is known of their jobs, job by job in the order of languages."""
    return connection.execute(
        sa.select(
            targets,
            jobs.c.application_id,
            jobs.c.user_id,
            jobs.c.accepted_s,
            jobs.c.request,
            jobs.c.eta_s,
            # Parts only: a source holds the whole transcription.
            jobs.c.source["language"].as_string().label("source_language"),
            jobs.c.source["cached"].as_boolean().label("source_cached"),
            jobs.c.source["engine_ms"].as_float().label("heard_ms"),
            jobs.c.audio["duration_s"].as_float().label("audio_s"),
        )
        .join(jobs, jobs.c.id == targets.c.job_id)
        .where(among(connection, targets.c.id, target_ids))
        .order_by(targets.c.job_id, targets.c.position)
    ).all()


def siblings_of(connection: sa.Connection, job_ids: Collection[str]) -> Siblings:
    """Return all targets of these jobs."""
    rows = connection.execute(
        sa.select(
            targets.c.job_id, targets.c.id, targets.c.position, targets.c.state, targets.c.follows_id, targets.c.cached
        )
        .where(among(connection, targets.c.job_id, job_ids))
        .order_by(targets.c.job_id, targets.c.position)
    ).all()
    found: dict[str, list[sa.Row]] = {}
    for row in rows:
        found.setdefault(row.job_id, []).append(row)
    return found


def states_of(rows: Iterable[sa.Row]) -> list[TargetState]:
    """Return the states of a job's targets."""
    return [TargetState(row.state) for row in rows]


def first_computed(rows: Iterable[sa.Row]) -> str | None:
    """Return the first of a job's targets that was computed for it, None where none was."""
    return next((row.id for row in rows if row.follows_id is None and not row.cached), None)


def all_ended(rows: Iterable[sa.Row]) -> bool:
    """Return whether every target of a job has ended."""
    return all(row.state in FINAL_TARGET for row in rows)
