"""Events: what happened to the languages of jobs, kept for statistics and for learning.

A row belongs to its owner and names its job, but outlives it: the owner's deletion of a job takes its events along,
while a job whose time is over leaves their figures behind, without any text. No transcript is ever in an event.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import msgspec
import sqlalchemy as sa

from appliance.jobs.documents import Request
from appliance.jobs.ended import Siblings, all_ended
from appliance.jobs.items import new_id
from appliance.jobs.states import SPOKEN_TARGET
from appliance.owner import Owner
from appliance.receipts.figures import Figures, figures_of
from appliance.storage.sets import insert_rows
from appliance.storage.tables import events

RECENT_S, RECENT_JOBS = 3600.0, 1000


class EventKind(StrEnum):
    """What an event tells of."""

    RECEIPT = "receipt"
    FEEDBACK = "feedback"
    SIGNAL = "signal"


class ReceiptDetail(msgspec.Struct, frozen=True, kw_only=True):
    """How a language ended, besides what has a column of its own; `choices` are the request's that shape the audio."""

    choices: dict[str, Any]
    audio_s: float | None
    """Seconds of the recording."""
    spoken_s: float | None
    """Seconds of the spoken translation."""
    voice_kind: str | None
    error: str | None
    """The error's code."""
    limits: dict[str, float]
    """The quality limits in force when it was made; empty where nothing was."""
    figures: Figures | None


def add_event(
    connection: sa.Connection, kind: EventKind, owner: Owner, job_id: str, language: str, at_s: float, **columns: Any
) -> str:
    """Add one event in this transaction, with the table's other columns by name, and return its id."""
    row = _row(kind, owner, job_id, language, at_s, **columns)
    connection.execute(sa.insert(events).values(**row))
    return row["id"]


def record_receipts(connection: sa.Connection, ended: Sequence[sa.Row], siblings: Siblings, now_s: float) -> None:
    """Add the event of each of these targets' ends; called in the transaction that ends them.

    `ended` is from `ended_targets`; the error of a job's ETA stands with the last of them that ends the job.
    """
    last = {row.job_id: row.id for row in ended if all_ended(siblings[row.job_id])}
    rows = [_receipt_row(row, now_s, ends_job=last.get(row.job_id) == row.id) for row in ended]
    insert_rows(connection, events, rows)


def recent_eta_errors_s(connection: sa.Connection, now_s: float) -> Sequence[float]:
    """Return by how much the newest jobs of the last hour ended later than expected, at most 1000 of them."""
    return connection.scalars(
        sa.select(events.c.eta_error_s)
        .where(events.c.at_s >= now_s - RECENT_S, events.c.eta_error_s.is_not(None))
        .order_by(events.c.at_s.desc())
        .limit(RECENT_JOBS)
    ).all()


def forget_events_of_job(connection: sa.Connection, job_id: str) -> None:
    """Remove every event of a job; the caller holds the job's row."""
    connection.execute(sa.delete(events).where(events.c.job_id == job_id))


def forget_events_of_owner(connection: sa.Connection, owner: Owner) -> int:
    """Remove every event of an owner, of jobs that are long gone too, and return how many that were."""
    return connection.execute(
        sa.delete(events).where(events.c.application_id == owner.application_id, events.c.user_id == owner.user_id)
    ).rowcount


def keep_figures_of_job(connection: sa.Connection, job_id: str) -> None:
    """Take the texts that people wrote out of a job's events; the figures stay."""
    connection.execute(
        sa.update(events).where(events.c.job_id == job_id, events.c.comment.is_not(None)).values(comment=None)
    )


def forget_old_events(connection: sa.Connection, before_s: float, limit: int) -> int:
    """Remove events from before a time, the oldest first and at most `limit`; return how many that were."""
    oldest = sa.select(events.c.id).where(events.c.at_s < before_s).order_by(events.c.at_s).limit(limit)
    return connection.execute(sa.delete(events).where(events.c.id.in_(oldest))).rowcount


def _row(kind: EventKind, owner: Owner, job_id: str, language: str, at_s: float, **columns: Any) -> dict[str, Any]:
    return {
        "id": new_id("event"),
        "at_s": at_s,
        "application_id": owner.application_id,
        "user_id": owner.user_id,
        "kind": kind,
        "job_id": job_id,
        "language": language,
        "variant": None,
        "rating_counts": False,
        "detail": {},
        **columns,
    }


def _receipt_row(row: sa.Row, now_s: float, *, ends_job: bool) -> dict[str, Any]:
    spoken = row.spoken
    figures = figures_of(spoken["receipt"]) if spoken else None
    detail = ReceiptDetail(
        choices=msgspec.convert(row.request, Request).choices(row.language),
        audio_s=row.audio_s,
        spoken_s=spoken["duration_s"] if spoken else None,
        voice_kind=spoken["voice_kind"] if spoken else None,
        error=row.error["code"] if row.error else None,
        limits=spoken.get("limits", {}) if spoken else {},
        figures=figures,
    )
    return _row(
        EventKind.RECEIPT,
        Owner(row.application_id, row.user_id),
        row.job_id,
        row.language,
        now_s,
        source_language=row.source_language,
        state=row.state,
        cached=bool(row.cached),
        latency_s=(row.finished_s or now_s) - row.accepted_s,
        eta_error_s=_eta_error_s(row, now_s) if ends_job else None,
        wer=figures.wer if figures else None,
        similarity=figures.similarity if figures else None,
        detail=detail,
    )


def _eta_error_s(row: sa.Row, now_s: float) -> float | None:
    """Return how much later than expected the job ended; None where nothing was expected."""
    if row.eta_s is None or row.cached or row.state not in SPOKEN_TARGET:
        return None
    return (row.finished_s or now_s) - row.accepted_s - row.eta_s
