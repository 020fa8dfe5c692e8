"""What jobs take, written by the transactions that accept and end their languages: one row per language.

A row is inserted once and completed once, because a target is accepted once and ends once. Nothing here is counted up
in a shared row: transactions that end jobs of one owner would wait for each other, in any order.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from appliance.jobs.documents import AudioFacts
from appliance.jobs.states import TargetState
from appliance.owner import Owner
from appliance.storage.tables import jobs, targets, usage


def day_of(now_s: float) -> str:
    """Return the day in UTC, such as `2026-08-31`; its first seven characters are the month."""
    return datetime.fromtimestamp(now_s, UTC).date().isoformat()


def note_accepted(
    connection: sa.Connection,
    owner: Owner,
    languages: Sequence[tuple[str, bool]],
    audio: AudioFacts,
    now_s: float,
) -> None:
    """Add the rows of a job: (target's id, whether it is computed) per language; others count as cached answers.

    The recording's seconds stand in the row of the first language that is computed, its bytes in the first row.
    """
    first = next((target_id for target_id, computed in languages if computed), None)
    rows = [
        {
            "target_id": target_id,
            "application_id": owner.application_id,
            "user_id": owner.user_id,
            "day": day_of(now_s),
            "translations": int(computed),
            "cached_answers": int(not computed),
            "audio_s": audio.duration_s if target_id == first else 0.0,
            "recording_bytes": audio.recording_bytes if position == 0 else 0,
        }
        for position, (target_id, computed) in enumerate(languages)
    ]
    connection.execute(sa.insert(usage), rows)


def note_promoted(connection: sa.Connection, target_id: str) -> None:
    """Count a target that followed another and is now computed itself."""
    connection.execute(sa.update(usage).where(usage.c.target_id == target_id).values(translations=1, cached_answers=0))


def note_ended(connection: sa.Connection, target_id: str) -> None:
    """Complete the row of a target that has just ended; one that was answered by another's work cost nothing.

    A language that failed gives its translation back.
    """
    row = connection.execute(
        sa.select(targets, jobs.c.source).join(jobs, jobs.c.id == targets.c.job_id).where(targets.c.id == target_id)
    ).one()
    if row.cached or row.follows_id is not None:
        return
    characters, by_deepl = _characters(row.translation)
    values: dict[str, Any] = {
        "engine_s": (_stages_ms(row) + _heard_ms(connection, row)) / 1000,
        "characters": characters,
        "deepl_characters": by_deepl,
        "result_bytes": row.spoken["size_bytes"] if row.spoken else 0,
    }
    if row.state == TargetState.FAILED:
        values["translations"] = 0
    connection.execute(sa.update(usage).where(usage.c.target_id == target_id).values(**values))
    if row.spoken:
        connection.execute(
            sa.update(jobs)
            .where(jobs.c.id == row.job_id)
            .values(stored_bytes=jobs.c.stored_bytes + row.spoken["size_bytes"])
        )


def _characters(translation: dict[str, Any] | None) -> tuple[int, int]:
    """Return how many characters engines translated, and how many of them DeepL; remembered sentences are not new."""
    made = [
        sentence
        for sentence in (translation or {}).get("sentences", ())
        if sentence.get("engines") and not sentence.get("memory")
    ]
    by_deepl = [sentence for sentence in made if any(key.startswith("deepl/") for key in sentence["engines"])]
    return sum(len(sentence["source"]) for sentence in made), sum(len(sentence["source"]) for sentence in by_deepl)


def _stages_ms(target: sa.Row) -> float:
    told = target.spoken["receipt"] if target.spoken else target.progress or {}
    return sum(ms for stage, ms in told.get("stage_ms", {}).items() if stage != "transcribe")


def _heard_ms(connection: sa.Connection, target: sa.Row) -> float:
    """Return the time of the job's transcription for its first computed language, and 0 for the others."""
    if not target.source or target.source.get("cached"):
        return 0.0
    first = connection.scalar(
        sa.select(sa.func.min(targets.c.position)).where(
            targets.c.job_id == target.job_id, targets.c.follows_id.is_(None), sa.not_(targets.c.cached)
        )
    )
    return target.source.get("elapsed_ms", 0.0) if first == target.position else 0.0
