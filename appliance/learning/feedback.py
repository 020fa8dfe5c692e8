"""Feedback on one language of a job: what its owner says about it and how they used it, as events."""

from typing import Literal

import msgspec
import sqlalchemy as sa

from appliance.errors import InvalidRequest, NotFound
from appliance.jobs.events import EventKind, add_event
from appliance.jobs.locks import hold_jobs
from appliance.jobs.states import FINAL_TARGET
from appliance.owner import Owner
from appliance.storage.database import Database
from appliance.storage.tables import events, jobs, targets

IssueKind = Literal[
    "wrong_words",
    "wrong_translation",
    "wrong_language",
    "wrong_voice",
    "unnatural_voice",
    "bad_audio",
    "incomplete",
    "too_slow",
    "offensive",
    "other",
]


class Signals(msgspec.Struct, frozen=True, kw_only=True):
    """How a result was used; 0, False and None mean that nothing of the kind happened."""

    replayed: int = 0
    re_recorded: bool = False
    shared: bool = False
    listened_s: float | None = None
    """Seconds of it that were heard; 0 is told too."""

    def seen(self) -> dict[str, int | float | bool]:
        """Return the signals that there were, by name."""
        told = {name: getattr(self, name) for name in ("replayed", "re_recorded", "shared") if getattr(self, name)}
        return told if self.listened_s is None else {**told, "listened_s": self.listened_s}


class Opinion(msgspec.Struct, frozen=True, kw_only=True):
    """What a person says about a result."""

    rating: int | None = None
    sounds_like_me: bool | None = None
    translation_correct: bool | None = None
    issue: IssueKind | None = None
    comment: str | None = None

    def __bool__(self) -> bool:
        """Return whether anything is said."""
        return any(value is not None for value in msgspec.structs.astuple(self))


def record_feedback(
    database: Database, owner: Owner, job_id: str, language: str, opinion: Opinion, signals: Signals
) -> str:
    """Add one event for an opinion and one per signal; return the id of the first.

    A rating takes the place of an earlier one of the same language, whose event stays. NotFound for a job or language
    that is not there, is another owner's or has not ended; InvalidRequest where nothing is said.
    """
    seen = signals.seen()
    if not opinion and not seen:
        raise InvalidRequest("Say something: a rating, an answer, an issue, a comment or a signal.")
    with database.write() as connection:
        hold_jobs(connection, [job_id])
        source_language = _rated(connection, owner, job_id, language)
        at_s = database.now_s(connection)
        ids = [_add_opinion(connection, owner, job_id, language, source_language, opinion, at_s)] if opinion else []
        for name, value in seen.items():
            ids.append(
                add_event(
                    connection, EventKind.SIGNAL, owner, job_id, language, at_s, source_language=source_language,
                    detail={name: value},
                )
            )  # fmt: skip
    return ids[0]


def _rated(connection: sa.Connection, owner: Owner, job_id: str, language: str) -> str | None:
    """Return the language of the recording, where it was heard, or raise NotFound."""
    row = connection.execute(
        sa.select(targets.c.state, jobs.c.source["language"].as_string().label("source_language"))
        .join(jobs, jobs.c.id == targets.c.job_id)
        .where(
            jobs.c.id == job_id,
            jobs.c.application_id == owner.application_id,
            jobs.c.user_id == owner.user_id,
            targets.c.language == language,
        )
    ).first()
    if row is None:
        raise NotFound("There is no such job, or it has no such language.")
    if row.state not in FINAL_TARGET:
        raise NotFound(f"There is nothing to judge yet: the language is {row.state}.")
    return row.source_language


def _add_opinion(
    connection: sa.Connection,
    owner: Owner,
    job_id: str,
    language: str,
    source_language: str | None,
    opinion: Opinion,
    at_s: float,
) -> str:
    if opinion.rating is not None:
        connection.execute(
            sa.update(events)
            .where(events.c.job_id == job_id, events.c.language == language, events.c.rating_counts)
            .values(rating_counts=False)
        )
    answers = {"sounds_like_me": opinion.sounds_like_me, "translation_correct": opinion.translation_correct}
    return add_event(
        connection,
        EventKind.FEEDBACK,
        owner,
        job_id,
        language,
        at_s,
        source_language=source_language,
        rating=opinion.rating,
        rating_counts=opinion.rating is not None,
        comment=opinion.comment,
        detail={**answers, "issue": opinion.issue},
    )
