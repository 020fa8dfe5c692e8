"""What is counted of jobs that end: how they stand to their deadline, and what their receipts measured.

Counted with the transaction that ends them, so each once, by the process that ended it.
"""

from collections.abc import Sequence

import sqlalchemy as sa

from appliance.jobs.states import JobState
from appliance.receipts.figures import figures_of
from appliance.telemetry.noting import note


def note_job_ended(connection: sa.Connection, job: sa.Row, state: JobState, now_s: float) -> None:
    """Count a job's end: `met` or `late` where it has audio, `failed` where it has none, nothing where cancelled.

    `job` has its priority, and when it was accepted and due.
    """
    note(connection, "jobs_finished", state)
    priority = str(job.priority)
    if state is JobState.CANCELLED:
        return
    if state is JobState.FAILED:
        note(connection, "jobs_sla", priority, "failed")
        return
    note(connection, "jobs_sla", priority, "met" if now_s <= job.deadline_s else "late")
    note(connection, "job_duration_s", priority, value=max(0.0, now_s - job.accepted_s))


def note_receipts(connection: sa.Connection, ended: Sequence[sa.Row]) -> None:
    """Count what the receipts of these targets measured; another's reading, kept or shared, was counted before.

    `ended` is from `ended_targets`.
    """
    for row in ended:
        if not row.spoken or row.cached or row.follows_id is not None:
            continue
        figures = figures_of(row.spoken["receipt"])
        if figures.verdict is not None:
            note(connection, "receipts", figures.verdict)
        if figures.wer is not None:
            note(connection, "receipt_wer", value=figures.wer)
        if figures.similarity is not None:
            note(connection, "receipt_similarity", row.spoken["voice_kind"], value=figures.similarity)
