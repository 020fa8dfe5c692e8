"""Tombstones: finishing erasures that were cut off, and erasing again what a restore brought back."""

import msgspec
import sqlalchemy as sa

from appliance import notify
from appliance.cache.keys import owner_digest
from appliance.owner import Owner
from appliance.profiles.erasure import TOMBSTONES, Pending, Tombstone, erase_profile, finish_erasure
from appliance.profiles.folder import profile_digest
from appliance.storage.database import Database
from appliance.storage.objects import ObjectStore
from appliance.storage.voice_tables import voice_profiles, voice_tombstones
from appliance.voices.profile_rows import owner_of


def unfinished(connection: sa.Connection) -> list[tuple[Tombstone, Pending]]:
    """Return the erasures that housekeeping has to look at again, the oldest first."""
    rows = connection.execute(
        sa.select(voice_tombstones).where(voice_tombstones.c.pending.is_not(None)).order_by(voice_tombstones.c.erased_s)
    ).all()
    return [(_tombstone(row), msgspec.convert(row.pending, Pending)) for row in rows]


def finish(
    database: Database, objects: ObjectStore, tombstone: Tombstone, pending: Pending, *, settled: bool
) -> None:  # fmt: skip
    """Delete what an erasure left; once it is `settled` and nothing is left, nobody looks at it again.

    It is settled when no worker can store anything more for it.
    """
    complete = finish_erasure(database, objects, tombstone, pending)
    if settled and complete:
        with database.write() as connection:
            done = sa.update(voice_tombstones).where(voice_tombstones.c.id == tombstone.id)
            connection.execute(done.values(pending=None))
        # Names of results hold the hashes of their sound.
        database.forget_deleted()


def missing_tombstones(database: Database, objects: ObjectStore) -> list[Tombstone]:
    """Return the tombstones that lie in the object store alone: of erasures after the backup that was restored."""
    with database.read() as connection:
        known = set(connection.scalars(sa.select(voice_tombstones.c.id)))
    names = [entry.name for entry in notify.alive_through(objects.entries(TOMBSTONES))]
    missing = [name for name in sorted(names) if name.removeprefix(TOMBSTONES) not in known]
    return [msgspec.json.decode(objects.get(name), type=Tombstone) for name in notify.alive_through(missing)]


def enter(database: Database, tombstones: list[Tombstone]) -> None:
    """Add tombstones to the database; one that is there already stays."""
    with database.write() as connection:
        known = set(connection.scalars(sa.select(voice_tombstones.c.id)))
        for tombstone in tombstones:
            if tombstone.id not in known:
                connection.execute(sa.insert(voice_tombstones).values(**msgspec.to_builtins(tombstone)))


def risen(connection: sa.Connection, more: list[Tombstone]) -> list[Owner]:
    """Return the owners of profiles that were erased and are there again."""
    erased = {
        (row.owner_digest, row.profile_digest)
        for row in connection.execute(sa.select(voice_tombstones.c.owner_digest, voice_tombstones.c.profile_digest))
    } | {(tombstone.owner_digest, tombstone.profile_digest) for tombstone in more}
    if not erased:
        return []
    rows = connection.execute(
        sa.select(voice_profiles.c.id, voice_profiles.c.application_id, voice_profiles.c.user_id)
    ).all()
    return [owner_of(row) for row in rows if (owner_digest(owner_of(row)), profile_digest(row.id)) in erased]


def replay(database: Database, objects: ObjectStore, owners: list[Owner]) -> int:
    """Erase these profiles again, and return how many that were."""
    going = notify.alive_through(owners)
    return sum(erase_profile(database, objects, owner, "restored") is not None for owner in going)


def _tombstone(row: sa.Row) -> Tombstone:
    return Tombstone(**{name: getattr(row, name) for name in Tombstone.__struct_fields__})
