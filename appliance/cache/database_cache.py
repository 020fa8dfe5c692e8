"""Answers as rows of the database: the second cache level of an appliance without a Redis for it."""

from collections.abc import Collection, Sequence
from typing import Any

from appliance.cache.answers import Answer, forget_job, forget_owner, keep, recall
from appliance.cache.kinds import Kind
from appliance.owner import Owner
from appliance.storage.database import Database


class DatabaseCache:
    """Implements Cache with `cached_answers`, each call in a transaction of its own."""

    beside = False

    def __init__(self, database: Database) -> None:
        """Keep in this database."""
        self._database = database

    def recall(self, kind: Kind, keys: Collection[str]) -> dict[str, Any]:
        """Return what is kept; a key names its kind too."""
        with self._database.read() as connection:
            return recall(connection, keys, self._database.now_s(connection))

    def keep(self, answers: Sequence[Answer]) -> None:
        """Keep them, each under its kind."""
        if not answers:
            return
        with self._database.write() as connection:
            keep(connection, answers, self._database.now_s(connection))

    def lease(self, keys: Collection[str], holder: str, lasts_s: float) -> set[str]:
        """Return all: a lease as a row costs a transaction, more than to compute an answer twice now and then."""
        return set(keys)

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
