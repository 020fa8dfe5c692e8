"""Answers kept for their owner until they expire: finished targets, transcriptions, translations."""

from collections.abc import Collection, Sequence
from functools import cache
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from appliance.owner import Owner
from appliance.storage.sets import among, insert_rows
from appliance.storage.tables import cached_answers


def recall(connection: sa.Connection, keys: Collection[str], now_s: float) -> dict[str, Any]:
    """Return the values of those keys that are kept and not expired."""
    if not keys:
        return {}
    rows = connection.execute(_recalling(connection.dialect.name, held=False), {"keys": list(keys), "now_s": now_s})
    return {row.key: row.value for row in rows}


def hold(connection: sa.Connection, keys: Collection[str], now_s: float) -> dict[str, Any]:
    """Return what `recall` does, and keep these answers from being forgotten until this transaction ends.

    For whoever names an object of theirs in a row of its own: their deletion then comes either before, and they are not
    found, or after, and finds that row. Nobody needs to wait for anybody on SQLite, which has one writer at a time.
    """
    if not keys:
        return {}
    rows = connection.execute(_recalling(connection.dialect.name, held=True), {"keys": list(keys), "now_s": now_s})
    return {row.key: row.value for row in rows}


@cache
def _recalling(dialect: str, *, held: bool) -> sa.Select:
    # Made once: every hit asks it, and to build a statement takes as long as to run it.
    key = cached_answers.c.key
    if dialect == "postgresql":
        among_keys = key == sa.any_(sa.bindparam("keys", type_=postgresql.ARRAY(sa.Text())))
    else:
        among_keys = key.in_(sa.bindparam("keys", expanding=True))
    found = sa.select(key, cached_answers.c.value)
    found = found.where(among_keys, cached_answers.c.expires_s > sa.bindparam("now_s"))
    # In the order in which they are kept and forgotten.
    return found.order_by(key).with_for_update(read=True) if held else found


class Answer(NamedTuple):
    """A value to be kept for its owner; the deletion of its job takes it along, where it came from one."""

    key: str
    owner: Owner
    kind: str
    value: Any
    lasts_s: float
    job_id: str | None


def keep(connection: sa.Connection, answers: Sequence[Answer], now_s: float) -> None:
    """Keep values under their keys; a later value for the same key takes the place of the earlier one."""
    newest = {answer.key: answer for answer in answers}
    rows = [
        {
            "key": answer.key,
            "application_id": answer.owner.application_id,
            "user_id": answer.owner.user_id,
            "kind": answer.kind,
            "job_id": answer.job_id,
            "value": answer.value,
            "expires_s": now_s + answer.lasts_s,
        }
        # In one order for all: PostgreSQL would end one of two transactions that wait for each other's keys.
        for _, answer in sorted(newest.items())
    ]
    insert_rows(connection, cached_answers, rows, replace=("value", "expires_s", "job_id"))


def forget_expired(connection: sa.Connection, now_s: float, most: int) -> int:
    """Remove some of what has expired and return how much that was; what is kept anew at this moment stays."""
    expired = sa.select(cached_answers.c.key).where(cached_answers.c.expires_s <= now_s)
    return _remove(connection, connection.scalars(expired.limit(most).with_for_update(skip_locked=True)).all())


def forget_job(connection: sa.Connection, job_id: str) -> None:
    """Remove every answer that came from a job."""
    _forget(connection, cached_answers.c.job_id == job_id)


def forget_jobs(connection: sa.Connection, job_ids: sa.Select) -> int:
    """Remove every answer that came from the jobs that a query selects, and return how many that were."""
    return _forget(connection, cached_answers.c.job_id.in_(job_ids))


def values_of(connection: sa.Connection, owner: Owner, kind: str) -> list[Any]:
    """Return the values of an owner's answers of a kind, expired ones too."""
    c = cached_answers.c
    mine = (c.application_id == owner.application_id, c.user_id == owner.user_id, c.kind == str(kind))
    return list(connection.scalars(sa.select(c.value).where(*mine)))


def forget_owner(connection: sa.Connection, owner: Owner, kinds: Collection[str]) -> int:
    """Remove an owner's answers of these kinds and return how many that were."""
    c = cached_answers.c
    mine = sa.and_(c.application_id == owner.application_id, c.user_id == owner.user_id)
    return _forget(connection, mine & among(connection, c.kind, [str(kind) for kind in kinds]))


def _forget(connection: sa.Connection, which: sa.ColumnElement[bool]) -> int:
    keys = sa.select(cached_answers.c.key).where(which).order_by(cached_answers.c.key)
    # Locked in the order in which they are kept.
    return _remove(connection, connection.scalars(keys.with_for_update()).all())


def _remove(connection: sa.Connection, keys: Sequence[str]) -> int:
    connection.execute(sa.delete(cached_answers).where(among(connection, cached_answers.c.key, keys)))
    return len(keys)
