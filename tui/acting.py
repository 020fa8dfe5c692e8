"""The actions that are offered on a selected thing, with the words of their dialogs. Pure but for a random key."""

import secrets
from typing import Any

from appliance.admin.schema import MOST_RETRIED, DeadLetter, JobDetail, JobLine, Lane, Worker, lane_name
from tui import format as fmt
from tui.actions import Action, ActionKind
from tui.tables.jobs import due, pair

NO_BULK = "This lane has no dead letters."
"""Said where there is no bulk to offer."""


def pause_or_resume(lane: Lane) -> Action:
    """Return the action that turns a lane's state around."""
    name = lane.name
    facts = (f"Lane {name}", f"{lane.depth} waiting, {lane.running} running")
    if lane.state != "open":
        since = f"{lane.state.capitalize()} {fmt.age(lane.paused_ago_s)} ago by {lane.paused_by or 'somebody'}"
        return _action(
            "resume", (lane.name,), "Resume lane",
            (*facts, f"{since}: {lane.paused_reason or 'no reason given'}"),
            "Workers take its work again, the most urgent first.", "Resume",
        )  # fmt: skip
    return _action(
        "pause", (lane.name,), "Pause lane", facts,
        f"No worker takes new work from it; {fmt.plural(lane.running, 'item')} in hand will be finished. "
        "What waits may miss its deadline.",
        "Pause", reason_needed=True,
    )  # fmt: skip


def retry_all(lane: Lane, count: int) -> Action | None:
    """Return the action that has a lane's dead letters tried again, the oldest of too many; None for none."""
    if count < 1:
        return None
    which, verb, rest = f"All {count}", "Retry all", ""
    if count > MOST_RETRIED:
        which, verb = f"The oldest {MOST_RETRIED}", f"Retry {MOST_RETRIED}"
        rest = "; the others are left for another time"
    return _action(
        "retry_many", (lane.stage, str(lane.priority)), "Retry all dead letters",
        (f"Lane {lane.name}", f"{count} dead, {lane.depth} waiting"),
        f"{which} become new jobs with new attempts, which may take a minute{rest}. If their number is another one by "
        "then, nothing happens.",
        verb, expected_count=count,
    )  # fmt: skip


def cancel_item(item: JobLine) -> Action | None:
    """Return the action that cancels the job of an item, None for a sample of a voice profile."""
    if item.job_id is None:
        return None
    languages = pair(item.source_language, [item.target_language])
    return _cancel(
        item.job_id,
        f"{item.lane}  {languages}  {fmt.age(item.audio_s)} of audio, {item.state}, due in {due(item.slack_s)}",
    )


def cancel_job(job: JobDetail) -> Action | None:
    """Return the action that cancels a job, None for one that cannot be cancelled."""
    return _cancel(job.job_id, _job_facts(job)) if job.can_cancel else None


def retry_letter(letter: DeadLetter) -> Action:
    """Return the action that has a dead letter tried again."""
    languages = pair(letter.source_language, letter.failed_languages)
    died = f"Failed {fmt.age(letter.failed_ago_s)} ago, attempts: {letter.attempts}, {letter.error or 'no error known'}"
    lane = lane_name(letter.stage or "?", letter.priority)
    what = f"{lane}  {languages}  {fmt.age(letter.audio_s)} of audio"
    return _retry(letter.job_id, what, died)


def retry_job(job: JobDetail) -> Action | None:
    """Return the action that has a job tried again, None for one that cannot be retried."""
    return _retry(job.job_id, _job_facts(job), f"Error: {job.error or 'see its languages'}") if job.can_retry else None


def drain_or_undrain(worker: Worker) -> Action:
    """Return the action that turns a worker's draining around."""
    facts = (f"Worker {worker.id} on {worker.host}", f"{worker.state}, role {worker.role or 'unknown'}")
    if worker.draining:
        return _action("undrain", (worker.id,), "Undrain worker", facts, "It takes work again.", "Undrain")
    return _action(
        "drain", (worker.id,), "Drain worker", facts,
        "It finishes what it has in hand and takes no more until it is undrained. Its process goes on running.",
        "Drain", reason_needed=True,
    )  # fmt: skip


def _cancel(job_id: str, what: str) -> Action:
    return _action(
        "cancel", (job_id,), "Cancel job", (f"Job {job_id}", what),
        "Its languages that are not finished end as cancelled. This cannot be taken back.", "Cancel job",
    )  # fmt: skip


def _retry(job_id: str, what: str, died: str) -> Action:
    return _action(
        "retry", (job_id,), "Retry dead letter", (f"Job {job_id}", what, died),
        "A new job is made of its recording, for the languages that failed.", "Retry",
    )  # fmt: skip


def _action(
    kind: ActionKind, target: tuple[str, ...], title: str, facts: tuple[str, ...], effect: str, verb: str, **more: Any
) -> Action:
    return Action(kind, target, title, facts, effect, verb, idempotency_key=secrets.token_urlsafe(16), **more)


def _job_facts(job: JobDetail) -> str:
    languages = pair(job.source_language, [language.language for language in job.languages])
    return f"{languages}  {fmt.age(job.audio_s)} of audio, {job.state}, of {job.application}"
