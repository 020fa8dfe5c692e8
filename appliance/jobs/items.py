"""Work items as stages see them, and how they are added."""

import secrets
from collections.abc import Sequence
from typing import Any, Literal

import msgspec
import sqlalchemy as sa

from appliance.jobs.states import ItemState, Stage
from appliance.storage.sets import insert_rows
from appliance.storage.tables import work_items

SHORT_S = 5.0
MEDIUM_S = 15.0

Length = Literal["short", "medium", "long"]
LENGTHS: tuple[Length, ...] = ("short", "medium", "long")


class ClaimedItem(msgspec.Struct, frozen=True, kw_only=True):
    """A work item under lease; every write made for it must carry its fence."""

    id: str
    job_id: str
    """Empty for an item of a voice profile's sample."""
    target_id: str | None
    stage: Stage
    batch_key: str
    fence: int
    attempts: int
    deadline_s: float
    payload: dict[str, Any]
    sample_id: str | None = None


class NewItem(msgspec.Struct, frozen=True, kw_only=True):
    """A work item that is to be added; one without a target belongs to its whole job."""

    job_id: str | None
    target_id: str | None
    stage: Stage
    batch_key: str
    deadline_s: float
    plan: str | None
    """The job's."""
    priority: int
    """The job's too."""
    payload: dict[str, Any] = {}
    sample_id: str | None = None
    """The sample of a voice profile that it belongs to, instead of a job."""


def length_of(duration_s: float) -> Length:
    """Return the class of clips that one of this length runs with."""
    return "short" if duration_s < SHORT_S else "medium" if duration_s <= MEDIUM_S else "long"


def hear_key(duration_s: float) -> str:
    """Return the batch key for listening: transcription and verification of clips of like length go together."""
    return f"hear:{length_of(duration_s)}"


def translate_key(source: str, target: str) -> str:
    """Return the batch key for translating a language pair."""
    return f"translate:{source}>{target}"


def synthesize_key(language: str) -> str:
    """Return the batch key for speaking a language."""
    return f"synthesize:{language}"


JOB_FAMILIES = ("hear", "translate", "synthesize", "finish")
"""The parts of batch keys before the colon that jobs go through: what admission reckons with."""
FAMILIES = (*JOB_FAMILIES, "enrol")
"""All of them; every one needs a living worker."""

FINISH_KEY = "finish:any"
ENROL_KEY = "enrol:any"


def new_id(kind: str) -> str:
    """Return an unguessable id that says what it names."""
    return f"{kind}_{secrets.token_hex(12)}"


def add_items(connection: sa.Connection, items: Sequence[NewItem], now_s: float) -> None:
    """Add runnable work items in this transaction; the caller holds their jobs."""
    rows = [
        {
            "id": new_id("item"),
            "job_id": item.job_id,
            "sample_id": item.sample_id,
            "target_id": item.target_id,
            "stage": item.stage,
            "batch_key": item.batch_key,
            "state": ItemState.READY,
            "plan": item.plan,
            "priority": item.priority,
            "deadline_s": item.deadline_s,
            "payload": item.payload,
            "created_s": now_s,
            "attempts": 0,
            "fence": 0,
        }
        for item in items
    ]
    insert_rows(connection, work_items, rows)
