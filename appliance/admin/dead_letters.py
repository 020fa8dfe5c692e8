"""Dead letters: jobs with a language that failed for a reason of ours, and whose recording is still kept.

What failed because of what was sent would fail again, so it is none. A retry makes another job and marks this one.
"""

from collections.abc import Collection, Mapping, Sequence

import msgspec
import sqlalchemy as sa

from appliance.admin.ages import age_s
from appliance.admin.page_types import DeadLetter, DeadLettersPage
from appliance.errors import every_error
from appliance.jobs.lanes import LaneKey
from appliance.jobs.states import ItemState, JobState, TargetState
from appliance.learning.cursor import Position, cursor_of, position_of
from appliance.owner import Owner
from appliance.storage.sets import among
from appliance.storage.tables import applications, jobs, targets, work_items

RETRYABLE = frozenset(kind.code for kind in every_error() if kind.status >= 500)
"""Codes of failures that another attempt may not meet again."""
_ENDED_BADLY = [JobState.FAILED.value, JobState.PARTIAL.value]


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which dead letters."""

    stage: str | None = None
    priority: int | None = None
    error: str | None = None


class Dead(msgspec.Struct, frozen=True):
    """A dead letter, as far as refusals tell them apart."""

    job_id: str
    owner: Owner


_EVERY = Filter()


def dead_in_lanes(connection: sa.Connection) -> dict[LaneKey, int]:
    """Return how many dead letters there are of each lane; those of which no stage is known count as heard."""
    stage = _stage().label("family")
    query = _dead(_EVERY).with_only_columns(stage, jobs.c.priority).subquery()
    rows = connection.execute(
        sa.select(query.c.family, query.c.priority, sa.func.count()).group_by(query.c.family, query.c.priority)
    )
    found: dict[LaneKey, int] = {}
    for batch_key, priority, count in rows:
        lane = ((batch_key or "hear").split(":")[0], priority)
        found[lane] = found.get(lane, 0) + count
    return found


def load_dead_letters(
    connection: sa.Connection, now_s: float, which: Filter, limit: int, cursor: str | None
) -> DeadLettersPage:
    """Return a page of dead letters, the newest first; InvalidRequest for a cursor that is none."""
    query = _dead(which).order_by(jobs.c.finished_s.desc(), jobs.c.id.desc())
    if cursor is not None:
        after = position_of(cursor)
        place = sa.tuple_(sa.literal(after.accepted_s, sa.Double), sa.literal(after.job_id, sa.String))
        query = query.where(sa.tuple_(jobs.c.finished_s, jobs.c.id) < place)
    rows = connection.execute(query.limit(limit + 1)).all()
    shown = rows[:limit]
    failures = _failures(connection, [row.id for row in shown])
    return DeadLettersPage(
        server_time_s=now_s,
        count=count_of(connection, which),
        dead_letters=tuple(_letter(row, failures.get(row.id, ()), now_s) for row in shown),
        next_cursor=cursor_of(Position(shown[-1].finished_s, shown[-1].id)) if len(rows) > limit else None,
    )


def count_of(connection: sa.Connection, which: Filter) -> int:
    """Return how many dead letters there are."""
    return connection.scalar(sa.select(sa.func.count()).select_from(_dead(which).subquery())) or 0


def oldest(connection: sa.Connection, which: Filter, limit: int) -> list[Dead]:
    """Return dead letters, the oldest first."""
    columns = (jobs.c.id, jobs.c.application_id, jobs.c.user_id)
    query = _dead(which).with_only_columns(*columns).order_by(jobs.c.finished_s, jobs.c.id).limit(limit)
    return [Dead(row.id, Owner(row.application_id, row.user_id)) for row in connection.execute(query)]


def is_dead(connection: sa.Connection, job_id: str) -> bool:
    """Return whether a job is a dead letter."""
    return connection.scalar(_dead(_EVERY).with_only_columns(jobs.c.id).where(jobs.c.id == job_id)) is not None


def failed_languages(connection: sa.Connection, job_id: str) -> list[str]:
    """Return the languages of a job that may be tried again, in their order."""
    return [row.language for row in _failures(connection, [job_id]).get(job_id, ())]


def _dead(which: Filter) -> sa.Select:
    code = targets.c.error["code"].as_string()
    failed = sa.select(targets.c.id).where(
        targets.c.job_id == jobs.c.id,
        targets.c.state == TargetState.FAILED,
        code == which.error if which.error is not None else code.in_(sorted(RETRYABLE)),
    )
    query = (
        sa.select(
            jobs.c.id, jobs.c.priority, jobs.c.finished_s, jobs.c.audio_s, applications.c.name,
            jobs.c.source["language"].as_string().label("source_language"), _stage().label("batch_key"),
            _attempts().label("attempts"),
        )
        .join(applications, applications.c.id == jobs.c.application_id, isouter=True)
        .where(
            jobs.c.state.in_(_ENDED_BADLY),
            jobs.c.finished_s.is_not(None),
            jobs.c.retried_as.is_(None),
            jobs.c.audio["pcm"].as_string() != "",
            failed.exists(),
        )
    )  # fmt: skip
    if which.error is not None and which.error not in RETRYABLE:
        query = query.where(sa.false())
    if which.priority is not None:
        query = query.where(jobs.c.priority == which.priority)
    if which.stage is not None:
        query = query.where(sa.func.coalesce(_stage(), "hear:").startswith(f"{which.stage}:"))
    return query


def _stage() -> sa.ScalarSelect:
    """Return the batch key of the job's work that failed last; NULL where only its followed leader's did."""
    return _last_failed(work_items.c.batch_key)


def _attempts() -> sa.ScalarSelect:
    return _last_failed(work_items.c.attempts)


def _last_failed(column: sa.Column) -> sa.ScalarSelect:
    return (
        sa.select(column)
        .where(work_items.c.job_id == jobs.c.id, work_items.c.state == ItemState.FAILED)
        .order_by(work_items.c.created_s.desc(), work_items.c.id)
        .limit(1)
        .correlate(jobs)
        .scalar_subquery()
    )


def _failures(connection: sa.Connection, job_ids: Collection[str]) -> Mapping[str, Sequence[sa.Row]]:
    rows = connection.execute(
        sa.select(targets.c.job_id, targets.c.language, targets.c.error["code"].as_string().label("code"))
        .where(among(connection, targets.c.job_id, job_ids), targets.c.state == TargetState.FAILED)
        .order_by(targets.c.job_id, targets.c.position)
    )
    found: dict[str, list[sa.Row]] = {}
    for row in rows:
        if row.code in RETRYABLE:
            found.setdefault(row.job_id, []).append(row)
    return found


def _letter(row: sa.Row, failures: Sequence[sa.Row], now_s: float) -> DeadLetter:
    return DeadLetter(
        job_id=row.id,
        stage=row.batch_key.split(":")[0] if row.batch_key else None,
        priority=row.priority,
        application=row.name or "",
        source_language=row.source_language,
        failed_languages=tuple(each.language for each in failures),
        audio_s=row.audio_s,
        attempts=row.attempts or 0,
        error=failures[0].code if failures else None,
        failed_s=row.finished_s,
        failed_ago_s=age_s(row.finished_s, now_s),
    )
