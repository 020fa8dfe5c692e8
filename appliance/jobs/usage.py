"""What jobs take, written by the transactions that accept and end their languages: one row per language.

A row is inserted once and completed once, because a target is accepted once and ends once. Nothing here is counted up
in a shared row: transactions that end jobs of one owner would wait for each other, in any order.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from appliance.jobs.documents import AudioFacts
from appliance.jobs.ended import Siblings, first_computed
from appliance.jobs.readings import kept_bytes
from appliance.jobs.states import TargetState
from appliance.owner import Owner
from appliance.storage.sets import among, update_rows
from appliance.storage.tables import usage


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
            "audio_s": audio.counted_s if target_id == first else 0.0,
            "recording_bytes": audio.recording_bytes if position == 0 else 0,
        }
        for position, (target_id, computed) in enumerate(languages)
    ]
    connection.execute(sa.insert(usage), rows)


def note_promoted(connection: sa.Connection, target_ids: Collection[str]) -> None:
    """Count targets that followed others and are now computed themselves."""
    promoted = among(connection, usage.c.target_id, target_ids)
    connection.execute(sa.update(usage).where(promoted).values(translations=1, cached_answers=0))


def note_ended(connection: sa.Connection, ended: Sequence[sa.Row], siblings: Siblings) -> None:
    """Complete the rows of targets that have just ended; one that was answered by another's work cost nothing.

    `ended` is from `ended_targets`. A language that failed gives its translation back.
    """
    computed = [row for row in ended if not row.cached and row.follows_id is None]
    rows = [_taken(row, first=first_computed(siblings[row.job_id]) == row.id) for row in computed]
    update_rows(connection, usage, rows)
    failed = [row.id for row in computed if row.state == TargetState.FAILED]
    if failed:
        of_failed = among(connection, usage.c.target_id, failed)
        connection.execute(sa.update(usage).where(of_failed).values(translations=0))


def stored_bytes(ended: Sequence[sa.Row]) -> dict[str, int]:
    """Return, per job, the bytes of the results that its targets have just ended with, and of readings that stay."""
    found: dict[str, int] = {}
    for row in ended:
        if row.spoken and not row.cached and row.follows_id is None:
            found[row.job_id] = found.get(row.job_id, 0) + row.spoken["size_bytes"] + kept_bytes(row.progress)
    return found


def _taken(row: sa.Row, *, first: bool) -> dict[str, Any]:
    """Return what a target took; the job's transcription counts for its first computed language."""
    characters, by_deepl = _characters(row.translation)
    heard_ms = (row.heard_ms or 0.0) if first and not row.source_cached else 0.0
    return {
        "target_id": row.id,
        "engine_s": ((row.progress or {}).get("engine_ms", 0.0) + heard_ms) / 1000,
        "characters": characters,
        "deepl_characters": by_deepl,
        "result_bytes": row.spoken["size_bytes"] if row.spoken else 0,
    }


def _characters(translation: dict[str, Any] | None) -> tuple[int, int]:
    """Return how many characters engines translated, and how many of them DeepL; remembered sentences are not new."""
    made = [
        sentence
        for sentence in (translation or {}).get("sentences", ())
        if sentence.get("engines") and not sentence.get("memory")
    ]
    by_deepl = [sentence for sentence in made if any(key.startswith("deepl/") for key in sentence["engines"])]
    return sum(len(sentence["source"]) for sentence in made), sum(len(sentence["source"]) for sentence in by_deepl)
