"""Voice profiles whose time is over, erasures that were cut off, and profiles that a restore brought back."""

from contextlib import suppress

import sqlalchemy as sa

from appliance.errors import StorageUnavailable
from appliance.housekeeping.ended_jobs import count
from appliance.housekeeping.house import House, Outcome
from appliance.profiles.erasure import erase_profile
from appliance.profiles.tombstones import enter, finish, missing_tombstones, replay, risen, unfinished
from appliance.storage.voice_tables import voice_conditionings, voice_profiles
from appliance.voices.profile_documents import ProfileState
from appliance.voices.profile_rows import owner_of

AT_ONCE = 50
ABANDONED_S = 86400.0
"""How long a profile waits for its consent after its last phrase expired."""
SETTLED_LEASES = 2.0
"""A worker that was speaking when a profile was erased has stored its last within its lease, or lost it."""


def expire_profiles(house: House) -> Outcome:
    """Erase profiles whose consent has expired, and those for which none was given in time."""
    with house.database.read() as connection:
        due = sa.select(voice_profiles).where(_is_due(house, connection)).order_by(voice_profiles.c.id)
        found = count(connection, due)
        rows = [] if house.dry_run else connection.execute(due.limit(AT_ONCE)).all()
    return Outcome(found=found, done=sum(_expired(house, row) for row in rows))


def _expired(house: House, seen: sa.Row) -> bool:
    """Erase a profile and return whether it was: since it was seen, its owner may have begun anew."""

    def still_due(connection: sa.Connection, held: sa.Row) -> bool:
        due = sa.select(voice_profiles.c.id).where(voice_profiles.c.id == seen.id, _is_due(house, connection))
        return connection.scalar(due) == held.id

    return erase_profile(house.database, house.objects, owner_of(seen), "expired", still_due) is not None


def _is_due(house: House, connection: sa.Connection) -> sa.ColumnElement[bool]:
    now_s = house.database.now_s(connection)
    expired = sa.and_(voice_profiles.c.state == ProfileState.ACTIVE, voice_profiles.c.consent_expires_s <= now_s)
    abandoned = sa.and_(
        voice_profiles.c.state == ProfileState.AWAITING_CONSENT,
        voice_profiles.c.challenge_expires_s <= now_s - ABANDONED_S,
    )
    return sa.or_(expired, abandoned)


def drop_unused_voices(house: House) -> Outcome:
    """Drop voices of profiles that no message was spoken with for long; the next one has them made again."""
    with house.transaction() as connection:
        before_s = house.database.now_s(connection) - house.settings.conditioning_ttl_s
        unused = sa.delete(voice_conditionings).where(voice_conditionings.c.used_s < before_s)
        dropped = connection.execute(unused).rowcount
    return house.outcome(dropped)


def finish_erasures(house: House) -> Outcome:
    """Delete what is left of erased profiles, a second time after workers have lost what they had in hand."""
    with house.database.read() as connection:
        now_s = house.database.now_s(connection)
        found = unfinished(connection)
    if house.dry_run:
        return Outcome(found=len(found), done=0)
    settles_s = SETTLED_LEASES * house.settings.lease_s
    for tombstone, pending in found[:AT_ONCE]:
        settled = now_s - tombstone.erased_s > settles_s
        # One object that cannot be deleted now holds up no other erasure.
        with suppress(StorageUnavailable):
            finish(house.database, house.objects, tombstone, pending, settled=settled)
    return Outcome(found=len(found), done=len(found[:AT_ONCE]))


def replay_tombstones(house: House) -> Outcome:
    """Erase profiles that were erased and are there again, as after a backup was restored."""
    missing = missing_tombstones(house.database, house.objects)
    with house.database.read() as connection:
        owners = risen(connection, missing)
    if house.dry_run:
        return Outcome(found=len(owners), done=0)
    enter(house.database, missing)
    return Outcome(found=len(owners), done=replay(house.database, house.objects, owners))
