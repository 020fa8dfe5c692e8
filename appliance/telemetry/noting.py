"""Noting in a transaction what a metric shall count, so that it counts what was committed and nothing else.

Deep in a transaction there is no way to the process's metrics, and there should be none: rows alone decide. So a note
stays with the connection until the transaction ends; where nobody counts, it is dropped at once.
"""

from collections.abc import Callable
from typing import Literal

import sqlalchemy as sa

Noted = Literal[
    "jobs_accepted",
    "jobs_admitted",
    "jobs_finished",
    "jobs_sla",
    "job_duration_s",
    "queue_wait_s",
    "attempts_lost",
    "stale_fences",
    "phrase_look_ups",
    "phrases_ahead",
    "cache_lookups",
    "receipts",
    "receipt_wer",
    "receipt_similarity",
    "work_audio_s",
    "webhook_attempts",
]
Take = Callable[[Noted, tuple[str, ...], float], None]

_NOTES = "meeshy_notes"


def note(connection: sa.Connection, what: Noted, *labels: str, value: float = 1.0) -> None:
    """Count this once the transaction is committed."""
    notes = connection.info.get(_NOTES)
    if notes is not None:
        notes.append((what, labels, value))


def take_notes(engine: sa.Engine, take: Take) -> None:
    """Call `take` with every note of this engine's transactions from now on."""

    def begin(connection: sa.Connection) -> None:
        connection.info[_NOTES] = []

    def commit(connection: sa.Connection) -> None:
        for what, labels, value in connection.info.pop(_NOTES, ()):
            take(what, labels, value)

    def rollback(connection: sa.Connection) -> None:
        if not connection.invalidated:
            connection.info.pop(_NOTES, None)

    for event, listener in (("begin", begin), ("commit", commit), ("rollback", rollback)):
        sa.event.listen(engine, event, listener)
