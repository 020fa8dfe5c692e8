"""A job that is finished when it is accepted, because an answer is kept for each of its languages.

It has the rows that a worker's job has in the end: job, languages, usage, events, webhook. Written at once instead of
step by step, since nothing of it is open: a hit is what an application waits for least.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from appliance.jobs.documents import AudioFacts, JobDocument, Request, Source
from appliance.jobs.events import record_receipts
from appliance.jobs.items import new_id
from appliance.jobs.outbox import Notice, queue_messages
from appliance.jobs.query import target_document
from appliance.jobs.states import TargetState, job_state
from appliance.jobs.usage import note_accepted
from appliance.owner import Owner
from appliance.storage.tables import jobs, targets
from appliance.telemetry.noting import note

_INSERT_JOB, _INSERT_TARGETS = sa.insert(jobs), sa.insert(targets)


class _Ended(NamedTuple):
    """What usage and events read of a language, as `ended_targets` gives it for those that workers end."""

    id: str
    job_id: str
    position: int
    language: str
    state: str
    follows_id: None
    cached: bool
    spoken: Mapping[str, Any]
    error: None
    finished_s: float
    application_id: str
    user_id: str
    accepted_s: float
    eta_s: None
    request: Mapping[str, Any]
    source_language: str | None
    audio_s: float


def record_answered(
    connection: sa.Connection,
    row: Mapping[str, Any],
    request: Request,
    audio: AudioFacts,
    answers: Mapping[str, Mapping[str, Any]],
) -> JobDocument:
    """Insert a job whose languages are answered, and return it.

    `row` has the columns of the job as it is accepted, `answers` the kept results by key, in the languages' order.
    """
    now_s, owner = row["accepted_s"], Owner(row["application_id"], row["user_id"])
    ended = [
        _Ended(
            id=new_id("target"), job_id=row["id"], position=position, language=language, state=answer["state"],
            follows_id=None, cached=True, spoken=answer["spoken"], error=None, finished_s=now_s,
            application_id=owner.application_id, user_id=owner.user_id, accepted_s=now_s, eta_s=None,
            request=row["request"], source_language=(row["source"] or {}).get("language"), audio_s=audio.duration_s,
        )
        for position, (language, answer) in enumerate(zip(request.targets, answers.values(), strict=True))
    ]  # fmt: skip
    state = job_state(TargetState(each.state) for each in ended)
    connection.execute(_INSERT_JOB, {**row, "state": state, "finished_s": now_s})
    target_rows = [
        {
            "id": each.id, "job_id": each.job_id, "position": each.position, "language": each.language,
            "state": each.state, "result_key": key, "follows_id": None, "cached": True,
            "translation": answer["translation"], "spoken": each.spoken, "finished_s": now_s,
        }
        for each, (key, answer) in zip(ended, answers.items(), strict=True)
    ]  # fmt: skip
    connection.execute(_INSERT_TARGETS, target_rows)
    note_accepted(connection, owner, [(each.id, False) for each in ended], audio, now_s)
    record_receipts(connection, ended, {row["id"]: ended}, now_s)
    if request.webhook_url:
        queue_messages(connection, [Notice(row["id"], owner.application_id, request.webhook_url)], now_s)
    note(connection, "jobs_accepted", str(row["priority"]))
    note(connection, "jobs_finished", state)
    note(connection, "jobs_sla", str(row["priority"]), "met")
    return JobDocument(
        id=row["id"],
        owner=owner,
        state=state,
        accepted_s=now_s,
        deadline_s=row["deadline_s"],
        finished_s=now_s,
        request=request,
        audio_sha256=row["audio_sha256"],
        audio=audio,
        source=msgspec.convert(row["source"], Source) if row["source"] else None,
        targets=tuple(target_document({**target, "error": None}) for target in target_rows),
        error=None,
        plan=row["plan"],
        priority=row["priority"],
        sla_s=row["sla_s"],
    )
