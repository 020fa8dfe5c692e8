"""Answers as rows of the database: the second cache level of an appliance without a Redis for it."""

from collections.abc import Collection, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from appliance.cache.answers import Answer, forget_job, forget_owner, keep, prolong, recall
from appliance.cache.keys import lease_key
from appliance.cache.kinds import REFRESHED, Kind, lasts_s
from appliance.owner import Owner
from appliance.settings import Settings
from appliance.storage.database import Database
from appliance.storage.sets import among
from appliance.storage.tables import cached_answers


class DatabaseCache:
    """Implements Cache with `cached_answers`, each call in a transaction of its own."""

    beside = False

    def __init__(self, database: Database, settings: Settings) -> None:
        """Keep in this database; the settings say how long refreshed kinds last."""
        self._database = database
        self._settings = settings

    def recall(self, kind: Kind, keys: Collection[str]) -> dict[str, Any]:
        """Return what is kept; a use writes a new time to expire only when a tenth of it has passed."""
        with self._database.read() as connection:
            now_s = self._database.now_s(connection)
            found = recall(connection, keys, now_s)
        if kind in REFRESHED and found:
            with self._database.write() as connection:
                prolong(connection, found, now_s, lasts_s(self._settings, kind))
        return found

    def keep(self, answers: Sequence[Answer]) -> None:
        """Keep them, each under its kind."""
        if not answers:
            return
        with self._database.write() as connection:
            keep(connection, answers, self._database.now_s(connection))
            _drop_leases(connection, [answer.key for answer in answers])

    def lease(self, keys: Collection[str], holder: str, lasts_s: float) -> set[str]:
        """Take the leases that nobody has, in one order for all."""
        if not keys:
            return set()
        with self._database.write() as connection:
            now_s = self._database.now_s(connection)
            statement = _leasing(connection.dialect.name)
            return {
                key
                for key in sorted(set(keys))
                if connection.scalar(
                    statement,
                    {
                        "key": lease_key(key), "application_id": "", "user_id": "", "kind": Kind.LEASE,
                        "job_id": None, "value": {"holder": holder}, "expires_s": now_s + lasts_s, "now_s": now_s,
                    },
                )
            }  # fmt: skip

    def release(self, keys: Collection[str], holder: str) -> None:
        """Remove the leases that are still this holder's."""
        if not keys:
            return
        with self._database.write() as connection:
            _drop_leases(connection, keys, holder)

    def forget_job(self, owner: Owner, job_id: str) -> None:
        """Remove a job's answers; `delete_job` has done so in its own transaction."""
        with self._database.write() as connection:
            forget_job(connection, job_id)

    def forget_owner(self, owner: Owner, kinds: Collection[Kind] = tuple(Kind)) -> None:
        """Remove an owner's answers."""
        with self._database.write() as connection:
            forget_owner(connection, owner, kinds)

    def close(self) -> None:
        """Do nothing: the database belongs to somebody else."""


def _drop_leases(connection: sa.Connection, keys: Collection[str], holder: str | None = None) -> None:
    mine = [among(connection, cached_answers.c.key, sorted(lease_key(key) for key in keys))]
    if holder is not None:
        mine.append(cached_answers.c.value["holder"].as_string() == holder)
    connection.execute(sa.delete(cached_answers).where(*mine))


@cache
def _leasing(dialect: str) -> sa.Insert:
    insert: Any = (sqlite if dialect == "sqlite" else postgresql).insert(cached_answers)
    taken = {name: insert.excluded[name] for name in ("value", "expires_s")}
    return insert.on_conflict_do_update(
        index_elements=["key"], set_=taken, where=cached_answers.c.expires_s <= sa.bindparam("now_s")
    ).returning(cached_answers.c.key)
