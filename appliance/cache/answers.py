"""Answers kept for their owner until they expire: finished targets, transcriptions, translations."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from appliance.owner import Owner
from appliance.storage.tables import cached_answers


def recall(connection: sa.Connection, keys: list[str], now_s: float) -> dict[str, Any]:
    """Return the values of those keys that are kept and not expired."""
    if not keys:
        return {}
    rows = connection.execute(
        sa.select(cached_answers.c.key, cached_answers.c.value).where(
            cached_answers.c.key.in_(keys), cached_answers.c.expires_s > now_s
        )
    )
    return {row.key: row.value for row in rows}


def keep(
    connection: sa.Connection,
    owner: Owner,
    kind: str,
    values: Mapping[str, Any],
    expires_s: float,
    job_id: str,
) -> None:
    """Keep values under their keys; a later value for the same key takes the place of the earlier one.

    `job_id` names the job whose deletion takes the answers with it.
    """
    if not values:
        return
    rows = [
        {
            "key": key,
            "application_id": owner.application_id,
            "user_id": owner.user_id,
            "kind": kind,
            "job_id": job_id,
            "value": value,
            "expires_s": expires_s,
        }
        # In one order for all: PostgreSQL would end one of two transactions that wait for each other's keys.
        for key, value in sorted(values.items())
    ]
    insert = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(cached_answers)
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=["key"],
            set_={name: insert.excluded[name] for name in ("value", "expires_s", "job_id")},
        ),
        rows,
    )


def forget_expired(connection: sa.Connection, now_s: float) -> int:
    """Remove what has expired and return how much that was."""
    return connection.execute(sa.delete(cached_answers).where(cached_answers.c.expires_s <= now_s)).rowcount


def forget_job(connection: sa.Connection, job_id: str) -> None:
    """Remove every answer that came from a job."""
    connection.execute(sa.delete(cached_answers).where(cached_answers.c.job_id == job_id))
