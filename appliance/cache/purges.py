"""Erasure beyond the database: what caches have to let go of, and which of them has not yet done so.

A row is written in the transaction that erases, so nothing that is erased is missing here. The edge reads the rows and
drops its audio; the second level, where it is beside the database, is told at once and again until it has answered.
"""

from collections.abc import Collection, Sequence

import msgspec
import sqlalchemy as sa

from appliance.cache.interface import Cache
from appliance.owner import Owner
from appliance.storage.database import Database
from appliance.storage.tables import purges

AT_ONCE = 1000
WHOLE_OWNER = ""
"""In the place of the job where everything of an owner is erased."""
SECOND_LOOK_S = 30.0
"""So long is everything of an owner asked to be forgotten again: a worker may have died between keeping an answer and
looking whether it may stay."""


class Purge(msgspec.Struct, frozen=True, kw_only=True):
    """One erasure as the edge needs it: no owner, no job."""

    id: int
    at_s: float
    audio_sha256: list[str]
    """The ETags of the audio, without their quotation marks."""


def note_purge(
    connection: sa.Connection, owner: Owner, job_id: str, audio_sha256: Collection[str], now_s: float
) -> None:
    """Write down, in the transaction that erases a job or everything of an owner, what caches may hold of it."""
    connection.execute(
        sa.insert(purges).values(
            at_s=now_s, application_id=owner.application_id, user_id=owner.user_id, job_id=job_id,
            audio_sha256=sorted(audio_sha256), forgotten=False,
        )
    )  # fmt: skip


def purges_after(connection: sa.Connection, purge_id: int) -> Sequence[Purge]:
    """Return the erasures after one, oldest first, at most 1000."""
    rows = connection.execute(
        sa.select(purges.c.id, purges.c.at_s, purges.c.audio_sha256)
        .where(purges.c.id > purge_id)
        .order_by(purges.c.id)
        .limit(AT_ONCE)
    )
    return [Purge(id=row.id, at_s=row.at_s, audio_sha256=row.audio_sha256) for row in rows]


def forget_purged(database: Database, cache: Cache) -> int:
    """Let the second level forget what was erased, and return how much that was; StorageUnavailable where it is away.

    Called after the erasure's commit: an answer that a worker keeps before the call goes with it, and one that it keeps
    later is taken back by the worker itself, which then finds the job gone.
    """
    with database.read() as connection:
        settled_s = database.now_s(connection) - SECOND_LOOK_S
        due = connection.execute(
            sa.select(purges.c.id, purges.c.at_s, purges.c.application_id, purges.c.user_id, purges.c.job_id)
            .where(sa.not_(purges.c.forgotten))
            .order_by(purges.c.id)
            .limit(AT_ONCE)
        ).all()
    for row in due:
        owner = Owner(row.application_id, row.user_id)
        if not cache.beside:
            continue
        if row.job_id == WHOLE_OWNER:
            cache.forget_owner(owner)
        else:
            cache.forget_job(owner, row.job_id)
    ids = [row.id for row in due if row.job_id != WHOLE_OWNER or row.at_s <= settled_s or not cache.beside]
    if ids:
        with database.write() as connection:
            connection.execute(sa.update(purges).where(purges.c.id.in_(ids)).values(forgotten=True))
    return len(due)


def forget_old_purges(connection: sa.Connection, before_s: float) -> int:
    """Remove erasures that every cache has outlived, and return how many that were."""
    return connection.execute(sa.delete(purges).where(purges.c.at_s < before_s, purges.c.forgotten)).rowcount
